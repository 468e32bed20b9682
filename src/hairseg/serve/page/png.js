// Pixels -> PNG. A canvas would premultiply by alpha and lose the colours of a cutout's soft edge.

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const SUB = 1; // filter: each pixel as its difference from the one before
const KINDS = { grey: { channels: 1, type: 0 }, rgb: { channels: 3, type: 2 }, rgba: { channels: 4, type: 6 } };

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** A PNG file (Blob) of RGBA data; `kind` is "grey", "rgb" or "rgba". */
export async function encodePng(data, width, height, kind) {
  const { channels, type } = KINDS[kind];
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, type);
  const rows = new Blob([filtered(data, width, height, channels)]);
  const packed = await new Response(rows.stream().pipeThrough(new CompressionStream("deflate"))).arrayBuffer();
  const chunks = [chunk("IHDR", header.buffer), chunk("sRGB", [0]), chunk("IDAT", packed), chunk("IEND", [])];
  return new Blob([SIGNATURE, ...chunks], { type: "image/png" });
}

function filtered(data, width, height, channels) {
  const row = width * channels + 1;
  const result = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    let to = y * row;
    result[to++] = SUB;
    for (let x = 0; x < width; x++) {
      const from = 4 * (y * width + x);
      for (let c = 0; c < channels; c++) result[to++] = data[from + c] - (x ? data[from - 4 + c] : 0);
    }
  }
  return result;
}

function chunk(name, content) {
  const bytes = new Uint8Array(content);
  const result = new Uint8Array(bytes.length + 12);
  const view = new DataView(result.buffer);
  view.setUint32(0, bytes.length);
  for (let i = 0; i < 4; i++) result[4 + i] = name.charCodeAt(i);
  result.set(bytes, 8);
  let crc = 0xffffffff;
  for (let i = 4; i < bytes.length + 8; i++) crc = CRC[(crc ^ result[i]) & 0xff] ^ (crc >>> 8);
  view.setUint32(bytes.length + 8, ~crc);
  return result;
}
