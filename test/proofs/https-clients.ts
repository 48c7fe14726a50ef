/** boto3 over https with an authority of our own: there SDKs sign no payload, but trailers. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { newAuthority } from '../support/certificates.ts'
import { PROJECT } from '../support/spawn-node.ts'
import { claim, inFolder } from './claims.ts'
import { clientEnvironment, mustRun, pypiPython, writeAwsConfig } from './clients.ts'
import { httpsNode } from './places.ts'

await inFolder('https-clients', async (folder) => {
  await writeAwsConfig()
  const node = await httpsNode(folder)
  const { hello, authorityFile } = node
  const environment = { ...clientEnvironment(hello), AWS_CA_BUNDLE: authorityFile }
  await claim('boto3 gets back over https what it sent', async () => {
    const script = join(PROJECT, 'test', 'proofs', 'boto3-round-trip.py')
    const own = { ...environment, HANGAR_BUCKET: hello.bucket }
    return (await mustRun(await pypiPython(), [script], { folder, environment: own })).trim()
  })
  await claim('a client that does not know the authority sends nothing', async () => {
    const other = join(folder, 'other.pem')
    await writeFile(other, newAuthority().certificate)
    const stranger = { ...environment, AWS_CA_BUNDLE: other }
    const words = ['--endpoint-url', hello.s3.endpoint, 's3', 'ls']
    const aws = join(await pypiPython(), '..', 'aws')
    const refused = await mustRun(aws, words, { environment: stranger }).then(
      () => '',
      (error: unknown) => String(error),
    )
    if (!/CERTIFICATE_VERIFY_FAILED/.test(refused)) throw new Error(refused || 'it was let in')
    return 'CERTIFICATE_VERIFY_FAILED'
  })
  await node.close()
})
