// Probability -> mask.

/** Uint8Array: 1 where the hair is. */
export function toMask(probability, threshold) {
  const mask = new Uint8Array(probability.length);
  // The threshold is rounded to the probability's own precision, as numpy does it.
  const level = Math.fround(threshold);
  for (let i = 0; i < mask.length; i++) mask[i] = probability[i] >= level ? 1 : 0;
  return mask;
}

/** Share of the photo that is hair, 0 to 1. */
export function fraction(mask) {
  let count = 0;
  for (const hair of mask) count += hair;
  return count / mask.length;
}
