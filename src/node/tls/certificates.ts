/** The certificate of one port: read at the start, looked at from time to time, replaced in use. */

import type { TlsIdentity } from '../../api/http/tls/handshakes.ts'
import type { Cancel, Clock } from '../../base/clock.ts'
import type { Disk } from '../../base/disk.ts'
import { CERTIFICATE_LOOK_MS } from '../../base/limits.ts'
import type { Log } from '../../base/log.ts'
import type { TlsFiles } from '../../config/schema.ts'
import { NodeError } from '../errors.ts'
import { CertificateFault, datesWarning, judgeIdentity } from './judge.ts'

export interface CertificateOptions {
  /** Of the port, for people. */
  readonly name: string
  readonly files: TlsFiles
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
}

/** What lies in the files, and what is wrong with it as a sentence without a full stop. */
interface Found {
  readonly identity: TlsIdentity
  readonly fault: string | undefined
  readonly warning: string | undefined
}

export class Certificates {
  readonly #options: CertificateOptions
  #current: Found
  /** What lay there at the last look and cannot serve, and whether that was said. */
  #broken: { readonly found: Found; readonly isSaid: boolean } | undefined
  #cancel: Cancel | undefined
  #isStopped = false

  private constructor(options: CertificateOptions, found: Found) {
    this.#options = options
    this.#current = found
  }

  /** @throws {NodeError} `CertificateUnusable` */
  static async open(options: CertificateOptions): Promise<Certificates> {
    const found = await read(options)
    if (found.fault !== undefined) {
      throw new NodeError(
        'CertificateUnusable',
        `Cannot serve https (${options.name}): ${found.fault}`,
      )
    }
    return new Certificates(options, found)
  }

  get identity(): TlsIdentity {
    return this.#current.identity
  }

  /** A sentence about its dates, where there is something to say. */
  get warning(): string | undefined {
    return this.#current.warning
  }

  /** Calls `use` with every new pair that can serve, until `stop`. */
  watch(use: (identity: TlsIdentity) => void): void {
    this.#cancel = this.#options.clock.after(CERTIFICATE_LOOK_MS, () => {
      this.#look(use)
        .catch((error: unknown) => this.#complain(String(error)))
        .finally(() => {
          if (!this.#isStopped) this.watch(use)
        })
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  /**
   * The two files are seldom replaced in one moment: a fault is one only when the next look finds
   * the same.
   */
  async #look(use: (identity: TlsIdentity) => void): Promise<void> {
    const found = await read(this.#options)
    if (this.#isStopped) return
    if (isSame(found, this.#current)) {
      this.#broken = undefined
      this.#warn(found)
      this.#current = found
      return
    }
    if (found.fault === undefined) {
      use(found.identity)
      this.#warn(found)
      this.#current = found
      this.#broken = undefined
      this.#options.log.info({ door: this.#options.name }, 'New connections see a new certificate')
      return
    }
    const before = this.#broken
    const isSettled = before !== undefined && isSame(found, before.found)
    if (isSettled && !before.isSaid) this.#complain(found.fault)
    this.#broken = { found, isSaid: isSettled }
  }

  #complain(fault: string): void {
    this.#options.log.error(
      { door: this.#options.name },
      `The certificate was not replaced, the one before stays in use: ${fault}`,
    )
  }

  #warn(found: Found): void {
    if (found.warning === undefined || found.warning === this.#current.warning) return
    this.#options.log.warn({ door: this.#options.name }, found.warning)
  }
}

function isSame(one: Found, other: Found): boolean {
  return (
    one.identity.certificate === other.identity.certificate &&
    one.identity.key === other.identity.key &&
    one.fault === other.fault
  )
}

async function read({ files, disk, clock }: CertificateOptions): Promise<Found> {
  const certificate = await readText(disk, 'certificate', files.certificateFile)
  const key = await readText(disk, 'key', files.keyFile)
  const identity = { certificate: certificate.text, key: key.text }
  const missing = certificate.fault ?? key.fault
  if (missing !== undefined) return { identity, fault: missing, warning: undefined }
  try {
    const facts = judgeIdentity(identity)
    const warning = datesWarning(facts, clock.wallMicros() / 1000)
    return {
      identity,
      fault: undefined,
      warning: warning && `${warning} (${files.certificateFile})`,
    }
  } catch (error) {
    if (!(error instanceof CertificateFault)) throw error
    const place = `tls_certificate_file "${files.certificateFile}", tls_key_file "${files.keyFile}"`
    return { identity, fault: `${error.message} (${place})`, warning: undefined }
  }
}

async function readText(
  disk: Disk,
  what: 'certificate' | 'key',
  path: string,
): Promise<{ readonly text: string; readonly fault?: string }> {
  const setting = `tls_${what}_file "${path}"`
  try {
    const bytes = await disk.readSmall(path)
    return bytes === undefined
      ? { text: '', fault: `there is no ${setting}` }
      : // Not every file is text: what is none is no PEM either.
        { text: Buffer.from(bytes).toString('latin1') }
  } catch (error) {
    const { code } = error as { readonly code?: unknown }
    const why = code === 'EACCES' ? 'this user may not' : String(code ?? error)
    return { text: '', fault: `cannot read ${setting}: ${why}` }
  }
}
