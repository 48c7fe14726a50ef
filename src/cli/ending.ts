/** Turns a node's fatal fault into the end of the command that runs it. */

import { CliError } from './command.ts'

export interface NodeEnding {
  /** Given to the node. */
  readonly onFatal: (sentence: string) => void
  /** Rejects at the first fatal fault; never resolves. */
  readonly fatal: Promise<never>
}

export function nodeEnding(): NodeEnding {
  let reject: (error: Error) => void = () => undefined
  const fatal = new Promise<never>((_, fail) => {
    reject = fail
  })
  // Whoever races against it hears of it; nobody has to.
  fatal.catch(() => undefined)
  return {
    fatal,
    onFatal: (sentence) =>
      reject(new CliError(sentence, 'Mend the cause and start the node again.')),
  }
}
