/** The compiled runtime (runtime/include/sparsegan_runtime.h) behind one small class. */

const PAGE = 65536;
const LINE = 64; // bytes: where vectors are read fastest

function aligned(address) {
  return Math.ceil(address / LINE) * LINE;
}

/**
 * A file out of another one, by edits [start, end, text]: bytes of the old file, then those of the
 * text, in hexadecimal digits.
 */
export function patched(old, edits) {
  const parts = edits.flatMap(([start, end, text]) => {
    const between = text.match(/../g) ?? [];
    return [old.subarray(start, end), Uint8Array.from(between, (digits) => parseInt(digits, 16))];
  });
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let written = 0;
  for (const bytes of parts) {
    whole.set(bytes, written);
    written += bytes.length;
  }
  return whole;
}

export class Generator {
  #calls;
  #self;
  #latent;
  #image;

  /**
   * Opens a packed file.
   * @param {BufferSource} code The module, sparsegan.wasm.
   * @param {Uint8Array} file What `sparsegan export` has packed.
   * @returns {Promise<Generator>}
   */
  static async open(code, file) {
    const { instance } = await WebAssembly.instantiate(code, {});
    return new Generator(instance.exports, file);
  }

  constructor(calls, file) {
    this.#calls = calls;
    let top = aligned(calls.__heap_base.value);
    const take = (bytes) => {
      const start = top;
      top = aligned(top + bytes);
      const short = top - calls.memory.buffer.byteLength;
      if (short > 0) calls.memory.grow(Math.ceil(short / PAGE));
      return start;
    };
    const answer = take(8); // a size, and then an address
    const read = () => new DataView(calls.memory.buffer).getUint32(answer, true);
    const packed = take(file.length);
    new Uint8Array(calls.memory.buffer, packed, file.length).set(file);
    this.#check(calls.sg_needs(packed, file.length, answer));
    const bytes = read();
    const arena = take(bytes);
    this.#check(calls.sg_open(packed, file.length, arena, bytes, answer));
    this.#self = read();
    this.latentDim = calls.sg_latent_dim(this.#self);
    this.classes = calls.sg_classes(this.#self);
    this.channels = calls.sg_channels(this.#self);
    this.height = calls.sg_height(this.#self);
    this.width = calls.sg_width(this.#self);
    const latent = take(4 * this.latentDim);
    const image = take(4 * this.channels * this.height * this.width);
    // Memory grows no more from here on, so that these views stay valid.
    this.#latent = new Float32Array(calls.memory.buffer, latent, this.latentDim);
    this.#image = new Float32Array(
      calls.memory.buffer, image, this.channels * this.height * this.width);
  }

  /**
   * Draws an image.
   * @param {ArrayLike<number>} latent `latentDim` numbers.
   * @param {number} label One of `classes`; without any it counts for nothing.
   * @returns {Float32Array} Channels first, in [-1, 1]; the next image is drawn over it.
   */
  draw(latent, label = 0) {
    if (latent.length !== this.latentDim) {
      throw new Error(`the generator takes ${this.latentDim} numbers, not ${latent.length}`);
    }
    this.#latent.set(latent);
    const { sg_draw } = this.#calls;
    this.#check(sg_draw(this.#self, this.#latent.byteOffset, label, this.#image.byteOffset));
    return this.#image;
  }

  #check(refusal) {
    if (refusal === 0) return;
    const memory = new Uint8Array(this.#calls.memory.buffer);
    const start = this.#calls.sg_sentence(refusal);
    const text = memory.subarray(start, memory.indexOf(0, start));
    throw new Error(`the generator ${new TextDecoder().decode(text)}`);
  }
}
