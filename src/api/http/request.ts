/** What a door receives: one HTTP request, free of node's own request object. */

/** One request. Header values are latin1 text, byte for byte as sent, trimmed at the ends. */
export interface HttpRequest {
  /** As sent; upper case for every method that is known here. */
  readonly method: string
  /** Origin form (`/path?query`), raw as sent: printable ASCII, begins with `/`. */
  readonly target: string
  /** Names and values in turn, as sent. */
  readonly rawHeaders: readonly string[]
  /**
   * Lower-case names. A repeated list header is joined by `,`; a repeated header that may stand
   * only once was refused before.
   */
  readonly headers: ReadonlyMap<string, string>
  /**
   * The bytes of the body, transfer encoding removed. One use. A piece belongs to the receiver.
   * Ends only when all of it came.
   *
   * @throws {HttpError} `IncompleteBody` when the client went away, `RequestTimeout` when it
   *   stopped sending
   */
  readonly body: AsyncIterable<Uint8Array>
  /** Content-Length; undefined when there was none. */
  readonly bodyLength: number | undefined
  /** Whether the body comes in `Transfer-Encoding: chunked`. */
  readonly chunked: boolean
  /** Whether it came over TLS to this very process. @default false */
  readonly isSecure?: boolean
  /** Address of the other end of the connection. */
  readonly remote: string
  /** Aborted when the connection is lost before the answer is out. */
  readonly signal: AbortSignal
  readonly requestId: string
  /**
   * Sends `100 Continue` if the client waits for it. Reading the body does the same; so a handler
   * verifies the signature before it touches the body.
   */
  continueBody(): void
}

/** Whether the request announces any body byte. */
export function hasBody(request: HttpRequest): boolean {
  return request.chunked || (request.bodyLength ?? 0) > 0
}
