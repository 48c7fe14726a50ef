/** Real clients over https with an authority of our own: there SDKs sign no payload, but trailers. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startNode } from '../../src/node/node.ts'
import { newAuthority } from '../support/certificates.ts'
import { bytesOf } from '../support/content.ts'
import { PROJECT, type Hello } from '../support/spawn-node.ts'
import { claim, inFolder } from './claims.ts'
import { clientEnvironment, mustRun, pypiPython, writeAwsConfig } from './clients.ts'

type Place = Pick<Hello, 's3' | 'accessKeyId' | 'secretAccessKey' | 'bucket'>

const BUCKET = 'secured'
const SIZES = [0, 70_000, 30_000_000]

async function driveAwsCli(environment: Readonly<Record<string, string>>, folder: string) {
  const aws = join(await pypiPython(), '..', 'aws')
  const run = (...words: readonly string[]): Promise<string> => mustRun(aws, words, { environment })
  for (const size of SIZES) {
    const path = join(folder, `${size}`)
    const back = `${path}-back`
    await writeFile(path, bytesOf({ seed: size + 1, size }))
    await run('s3', 'cp', '--only-show-errors', path, `s3://${BUCKET}/cli/${size}`)
    await run('s3', 'cp', '--only-show-errors', `s3://${BUCKET}/cli/${size}`, back)
    if (!(await readFile(path)).equals(await readFile(back))) throw new Error(`${size} differs`)
  }
  const listed = await run('s3', 'ls', `s3://${BUCKET}/cli/`)
  return `${SIZES.length} files, ${listed.trim().split('\n').length} listed`
}

async function driveBoto3(environment: Readonly<Record<string, string>>, folder: string) {
  const script = join(PROJECT, 'test', 'proofs', 'boto3-round-trip.py')
  const own = { ...environment, HANGAR_BUCKET: BUCKET }
  return (await mustRun(await pypiPython(), [script], { folder, environment: own })).trim()
}

await inFolder('https-clients', async (folder) => {
  await writeAwsConfig()
  const authority = newAuthority()
  const pair = authority.issue()
  const at = (name: string): string => join(folder, name)
  await writeFile(at('ca.pem'), authority.certificate)
  await writeFile(at('cert.pem'), pair.certificate)
  await writeFile(at('key.pem'), pair.key)
  await writeFile(at('other.pem'), newAuthority().certificate)
  const tls = { certificateFile: at('cert.pem'), keyFile: at('key.pem') }
  const node = await startNode({ data: at('data'), s3: { tls } })
  const key = await node.createKey({ name: 'clients', createBucket: true })
  await node.ensureBucket(BUCKET, key.accessKeyId)
  const place: Place = { s3: node.s3!, bucket: BUCKET, ...key }
  const environment = { ...clientEnvironment(place), AWS_CA_BUNDLE: at('ca.pem') }
  await claim("PyPI's newest aws-cli gets back over https what it sent", () =>
    driveAwsCli(environment, folder),
  )
  await claim('boto3 gets back over https what it sent', () => driveBoto3(environment, folder))
  await claim('a client that does not know the authority sends nothing', async () => {
    const stranger = { ...environment, AWS_CA_BUNDLE: at('other.pem') }
    const words = ['--endpoint-url', place.s3.endpoint, 's3', 'ls']
    const aws = join(await pypiPython(), '..', 'aws')
    const refused = await mustRun(aws, words, { environment: stranger }).then(
      () => '',
      (error: unknown) => String(error),
    )
    if (!/CERTIFICATE_VERIFY_FAILED/.test(refused)) throw new Error(refused || 'it was let in')
    return 'CERTIFICATE_VERIFY_FAILED'
  })
  await node.stop()
})
