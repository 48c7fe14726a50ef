/** Faults of the settings: everything that is wrong with them, at once. */

import { DomainError } from '../base/errors.ts'

/** One thing that is wrong, with the line of the file where it stands. */
export interface ConfigFault {
  readonly line: number | undefined
  readonly text: string
}

/** `Unreadable`: no file to judge. `Invalid`: a file that may not be used. */
export type ConfigErrorCode = 'Unreadable' | 'Invalid'

export class ConfigError extends DomainError<ConfigErrorCode> {
  readonly faults: readonly ConfigFault[]

  constructor(
    code: ConfigErrorCode,
    message: string,
    options: { readonly faults?: readonly ConfigFault[]; readonly cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause })
    this.faults = options.faults ?? []
  }
}
