/** Latents as a function of (seed, number), and what lies between two of them. */

/** Numbers in [0, 1) by mulberry32, a generator of 32 bits of state. */
function uniform(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The latent of that number under that seed: normal deviates by Box and Muller. */
export function latent(seed, number, length) {
  const draw = uniform(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  const deviates = new Float32Array(length + (length & 1));
  for (let i = 0; i < length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    deviates[i] = radius * Math.cos(angle);
    deviates[i + 1] = radius * Math.sin(angle);
  }
  return deviates.subarray(0, length);
}

/**
 * The point at a share of the way from one latent to another, along the arc between them: on the
 * straight line it would be shorter than any that the generator was trained on.
 */
export function between(from, to, share) {
  let product = 0, ofFrom = 0, ofTo = 0;
  for (let i = 0; i < from.length; i++) {
    product += from[i] * to[i];
    ofFrom += from[i] * from[i];
    ofTo += to[i] * to[i];
  }
  const cosine = product / Math.sqrt(ofFrom * ofTo || 1);
  const angle = Math.acos(Math.max(-1, Math.min(1, cosine)));
  const narrow = angle < 1e-3 || angle > Math.PI - 1e-3; // an arc of no or of any direction
  const a = narrow ? 1 - share : Math.sin((1 - share) * angle) / Math.sin(angle);
  const b = narrow ? share : Math.sin(share * angle) / Math.sin(angle);
  return from.map((value, i) => a * value + b * to[i]);
}
