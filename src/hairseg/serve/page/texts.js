// Everything that the page says, in English and Korean.

const ENGLISH = {
  private: "Your photo stays on this device: the network runs in this browser.",
  stage: "Picture",
  before: "Before",
  after: "After",
  split: "Border between before and after, in percent from the left",
  loading: "Loading the network",
  starting: "Starting the network",
  dropHere: "Drop the photo here",
  sources: "Photo",
  choose: "Choose photo",
  camera: "Camera",
  stop: "Stop camera",
  hint: "or drop one here, or paste one",
  samples: "Samples",
  show: "Show",
  recolor: "Recolour",
  cutout: "Cutout",
  overlay: "Overlay",
  mask: "Mask",
  part: "Part of the hair",
  roots: "Roots",
  tips: "Ends",
  colour: "Colour",
  own: "Other colour",
  same: "Same as roots",
  strength: "Strength",
  snap: "Take picture",
  download: "Download PNG",
  model: "Network",
  working: "Looking for hair in {name}",
  found: "{color} hair, {percent} % of the picture, found in {milliseconds} ms",
  foundPlain: "Hair on {percent} % of the picture, found in {milliseconds} ms",
  none: "No hair found in {name}",
  picture: "{what}: {name}, {percent} % of it is hair",
  live: "Camera, painted live",
  fps: "{fps} frames a second at {width} x {height}, {name}, {way}",
  wasm: "WebAssembly, one thread",
  threads: "WebAssembly, {threads} threads",
  webgpu: "WebGPU",
  facts: "{name}, {megabytes} MB, {way}",
  saved: "Saved as {file}",
  notPhoto: "{name} is not a picture that this browser can read: choose a JPEG, PNG or WebP file.",
  tooLarge: "{name} has {megapixels} million pixels, and this page takes {limit} million: reduce it first.",
  noFile: "There is no picture in what was pasted or dropped: choose a file.",
  noCamera: "No camera could be opened: connect one and allow this page to use it, then try again.",
  noModel: "The network could not be loaded ({reason}): reload the page.",
  failed: "That did not work ({reason}): try a smaller photo or reload the page.",
};

const KOREAN = {
  private: "사진은 이 기기를 떠나지 않습니다. 신경망이 브라우저 안에서 실행됩니다.",
  stage: "사진",
  before: "전",
  after: "후",
  split: "전후 경계의 위치(왼쪽부터 퍼센트)",
  loading: "신경망을 불러오는 중",
  starting: "신경망을 시작하는 중",
  dropHere: "여기에 사진을 놓으세요",
  sources: "사진 선택",
  choose: "사진 고르기",
  camera: "카메라",
  stop: "카메라 끄기",
  hint: "사진을 끌어다 놓거나 붙여넣어도 됩니다",
  samples: "예시 사진",
  show: "보기",
  recolor: "염색",
  cutout: "오려내기",
  overlay: "겹쳐 보기",
  mask: "마스크",
  part: "머리카락의 부분",
  roots: "뿌리",
  tips: "끝",
  colour: "색",
  own: "다른 색",
  same: "뿌리와 같게",
  strength: "세기",
  snap: "이 장면 찍기",
  download: "PNG 내려받기",
  model: "신경망",
  working: "{name}에서 머리카락을 찾는 중",
  found: "{color} 머리, 사진의 {percent} %, {milliseconds} ms 만에 찾음",
  foundPlain: "머리카락이 사진의 {percent} %, {milliseconds} ms 만에 찾음",
  none: "{name}에서 머리카락을 찾지 못했습니다",
  picture: "{what}: {name}, 머리카락 {percent} %",
  live: "카메라 실시간 화면",
  fps: "초당 {fps} 프레임, {width} x {height}, {name}, {way}",
  wasm: "WebAssembly, 스레드 1개",
  threads: "WebAssembly, 스레드 {threads}개",
  webgpu: "WebGPU",
  facts: "{name}, {megabytes} MB, {way}",
  saved: "{file} 파일로 저장했습니다",
  notPhoto: "{name}: 이 브라우저가 읽을 수 있는 사진이 아닙니다. JPEG, PNG, WebP 파일을 고르세요.",
  tooLarge: "{name}: {megapixels}백만 화소입니다. {limit}백만 화소까지만 받으니 먼저 줄여 주세요.",
  noFile: "붙여넣거나 놓은 것에 사진이 없습니다. 파일을 고르세요.",
  noCamera: "카메라를 열 수 없습니다. 카메라를 연결하고 사용을 허용한 뒤 다시 시도하세요.",
  noModel: "신경망을 불러오지 못했습니다({reason}). 페이지를 새로 고치세요.",
  failed: "처리하지 못했습니다({reason}). 더 작은 사진을 쓰거나 페이지를 새로 고치세요.",
};

const KOREAN_COLOURS = {
  black: "검정", "dark brown": "짙은 갈색", brown: "갈색", chestnut: "밤색", "light brown": "밝은 갈색",
  auburn: "적갈색", copper: "구릿빛", "dark blonde": "짙은 금발", "honey blonde": "꿀빛 금발", platinum: "백금발",
  "dark grey": "짙은 회색", grey: "회색", silver: "은색", white: "흰색", red: "빨강", burgundy: "버건디",
  orange: "주황", yellow: "노랑", green: "초록", teal: "청록", blue: "파랑", navy: "남색", lilac: "연보라",
  violet: "보라", magenta: "자홍", pink: "분홍",
};

const TEXTS = { en: ENGLISH, ko: KOREAN };
let language = "en";

/** The language of the address (?lang=ko), of the last visit, or of the browser. */
export function preferred() {
  const asked = new URLSearchParams(location.search).get("lang") ?? remembered();
  return (asked ?? navigator.language).toLowerCase().startsWith("ko") ? "ko" : "en";
}

function remembered() {
  try {
    return localStorage.getItem("hairseg-language");
  } catch {
    return null; // the browser keeps nothing for pages
  }
}

/** Keep a language for the next visit, where the browser allows it. */
export function remember(chosen) {
  try {
    localStorage.setItem("hairseg-language", chosen);
  } catch {
    // It is asked for again then.
  }
}

/** The language in use, "en" or "ko". */
export function current() {
  return language;
}

/** A sentence with its {values} filled in. */
export function text(key, values = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The name of a swatch. */
export function colourName(name) {
  const local = language === "ko" ? (KOREAN_COLOURS[name] ?? name) : name;
  return local.charAt(0).toUpperCase() + local.slice(1);
}

/** Write the page's fixed texts in another language. */
export function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
}
