/** The port for chance. The real one draws from the system; simulations from a seed. */
export interface Rng {
  /** `length` fresh random bytes, owned by the caller. Fit for secrets in the real one. */
  bytes(length: number): Uint8Array
}
