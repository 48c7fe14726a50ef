/** The way to any S3 endpoint: name, connection, certificate, clock, and whether S3 answers. */

import { lookup } from 'node:dns/promises'
import { CLOCK_SKEW_MS_MAX } from '../../base/limits.ts'
import { httpCall, type Trust } from '../http-call.ts'
import { failed, ok, reasonOf, skipped, warning, type Findings, type Look } from './finding.ts'
import { asReply, type S3Reply } from './s3-call.ts'

export interface EndpointOptions {
  readonly endpoint: URL
  readonly trust: Trust
}

const DAY_MS = 86_400_000
const SOON_DAYS = 14
const SKEW_MS_FINE = 5_000
const CALL_MS_MAX = 15_000
const OTHER_PORT =
  'Give the address of the S3 API: an admin API, a console or a site has another port.'

/** Looks in turn; the answer of the service, or undefined when it cannot be reached. */
export async function lookAtEndpoint(
  { endpoint, trust }: EndpointOptions,
  findings: Findings,
): Promise<S3Reply | undefined> {
  const host = endpoint.hostname.replace(/^\[(.*)\]$/, '$1')
  const named = await findings.look('name', async () => {
    const found = await lookup(host, { all: true }).catch(() => [])
    if (found.length === 0) {
      return failed(`no address is known for ${host}`, `Is it spelled right? getent hosts ${host}`)
    }
    return ok(`${host} is ${found.map(({ address }) => address).join(', ')}`)
  })
  if (named.verdict === 'failed') return undefined
  let reply: S3Reply | undefined
  await findings.look('connection', async () => {
    try {
      reply = asReply(
        await httpCall({ url: endpoint, method: 'GET', headers: {}, trust, msMax: CALL_MS_MAX }),
      )
      return ok(`${endpoint.protocol.slice(0, -1)}, answers ${reply.status}`)
    } catch (error) {
      return unreachable(endpoint, error)
    }
  })
  if (reply === undefined) return undefined
  const { certificate, headers } = reply
  if (certificate !== undefined) {
    findings.add('certificate', certificateLook(Date.parse(certificate.validTo)))
  }
  findings.add('clock', clockLook(headers.date))
  const shown = findings.add('speaks S3', serviceLook(reply))
  return shown.verdict === 'failed' ? undefined : reply
}

/** An endpoint as it was typed. */
export function endpointOfText(text: string): URL | undefined {
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text)) return undefined
  return new URL(text)
}

function unreachable(endpoint: URL, error: unknown): Look {
  const { code = '' } = error as { readonly code?: string }
  const reason = reasonOf(error)
  if (code === 'ECONNREFUSED' || /ECONNREFUSED/.test(reason)) {
    return failed('nobody listens there', 'Start the service, or mend the port of --endpoint.')
  }
  if (/WRONG_VERSION|ERR_SSL|EPROTO/.test(code)) {
    return failed('this is no https port', `Try --endpoint http://${endpoint.host}`)
  }
  if (/CERT|ISSUER|SIGNATURE|SELF_SIGNED|ALTNAME/.test(code)) {
    return failed(
      `its certificate is not believed: ${reason}`,
      'Give --ca FILE (clients: AWS_CA_BUNDLE), or the name that stands in the certificate.',
    )
  }
  if (code === 'ABORT_ERR' || /aborted/.test(reason)) {
    return failed('no answer in time', 'Is a firewall in between? Is the port right?')
  }
  return failed(reason, 'Is it the right address, and http or https as it should be?')
}

function certificateLook(untilMs: number): Look {
  const days = Math.floor((untilMs - Date.now()) / DAY_MS)
  const until = new Date(untilMs).toISOString().slice(0, 10)
  if (days < 0) return failed(`expired on ${until}`, 'Put a new one into tls_certificate_file.')
  if (days < SOON_DAYS) return warning(`expires on ${until}`, 'Renew it: `certbot renew`, or so.')
  return ok(`good until ${until}`)
}

function clockLook(date: string | undefined): Look {
  const theirs = Date.parse(date ?? '')
  if (Number.isNaN(theirs)) return skipped('its answer carries no Date, nothing to compare with')
  const skew = Date.now() - theirs
  const seconds = Math.round(Math.abs(skew) / 1000)
  const text = `this machine is ${seconds} s ${skew < 0 ? 'behind' : 'ahead of'} the endpoint`
  const mend = 'Have both take the time from the network: `timedatectl set-ntp true`'
  if (Math.abs(skew) > CLOCK_SKEW_MS_MAX) return failed(`${text}: signatures are refused`, mend)
  // A Date header has whole seconds.
  return Math.abs(skew) > SKEW_MS_FINE ? warning(text, mend) : ok(`within ${seconds + 1} s`)
}

/** What S3 answers to a request that nobody signed. */
function serviceLook(reply: S3Reply): Look {
  const { headers, status, text, code } = reply
  const server = typeof headers['server'] === 'string' ? ` (${headers['server']})` : ''
  if (code !== '' || /<ListAllMyBucketsResult/.test(text)) {
    return /plain HTTP|HTTP request.*HTTPS|https/i.test(text) && status === 400
      ? failed('this port wants https', 'Write https:// in --endpoint.')
      : ok(`answers in its XML${server}`)
  }
  if (text.startsWith('{')) {
    return failed(`JSON is answered there${server}, status ${status}`, OTHER_PORT)
  }
  if (/amz/.test(Object.keys(headers).join())) return ok(`answers with its headers${server}`)
  const what = /<html/i.test(text) ? 'a web page' : 'something that is no S3'
  return failed(`${what} answers there${server}, status ${status}`, OTHER_PORT)
}

/** Addresses of a host name; none when it is unknown. */
export async function isKnownHost(host: string): Promise<boolean> {
  return lookup(host).then(
    () => true,
    () => false,
  )
}
