/** Expected failures: each layer lists its codes; no layer rewrites another's text. */

/**
 * A failure that callers may tell from others by its `code`.
 *
 * `message` follows one grammar: the action that failed, a colon, the present and the wanted
 * value, strings quoted, no full stop. `details` is plain data that may travel between nodes.
 */
export abstract class DomainError<Code extends string = string> extends Error {
  readonly code: Code
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: Code,
    message: string,
    options: { readonly details?: Record<string, unknown>; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
    this.name = new.target.name
  }
}
