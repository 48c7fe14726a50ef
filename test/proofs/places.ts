/** Where tools are pointed at: a node that speaks https, and the second of three nodes. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startNode } from '../../src/node/node.ts'
import { addThree, connect, layOut, newKey, settled } from '../e2e/cluster/steps.ts'
import { newAuthority } from '../support/certificates.ts'
import { openCluster } from '../support/spawn-cluster.ts'
import { SignedClient } from '../support/signed-client.ts'
import type { Hello } from '../support/spawn-node.ts'

/** What a client must know. */
export type Welcome = Pick<Hello, 's3' | 'accessKeyId' | 'secretAccessKey' | 'bucket'>

export interface Place {
  readonly hello: Welcome
  /** File with the certificate that clients are to trust. */
  readonly authorityFile?: string
  close(): Promise<void>
}

const BUCKET = 'tools'
const SETTLED_MS_MAX = 90_000

/** A node in this process, with a certificate by an authority of its own. */
export async function httpsNode(folder: string): Promise<Place> {
  const authority = newAuthority()
  const pair = authority.issue()
  const authorityFile = join(folder, 'authority.pem')
  const files = {
    certificateFile: join(folder, 'certificate.pem'),
    keyFile: join(folder, 'key.pem'),
  }
  await writeFile(authorityFile, authority.certificate)
  await writeFile(files.certificateFile, pair.certificate)
  await writeFile(files.keyFile, pair.key)
  const node = await startNode({ data: join(folder, 'https'), s3: { tls: files } })
  const key = await node.createKey({ name: 'owner', createBucket: true })
  await node.ensureBucket(BUCKET, key.accessKeyId)
  const hello = { s3: node.s3!, bucket: BUCKET, ...key }
  return { hello, authorityFile, close: () => node.stop() }
}

/** Three processes, three copies; clients are sent to the second. */
export async function secondOfThree(): Promise<Place> {
  const cluster = await openCluster()
  const nodes = await addThree(cluster, () => ({ factor: 3 }))
  const [first, second, third] = nodes
  await Promise.all(nodes.map((node) => node.start()))
  await connect(first, [second, third])
  await settled(nodes, await layOut(first, nodes), SETTLED_MS_MAX)
  const key = await newKey(first)
  const { endpoint, region } = second
  const client = new SignedClient({ endpoint, region, ...key })
  const made = await client.call({ method: 'PUT', bucket: BUCKET })
  client.close()
  if (made.status !== 200) throw new Error(`make the bucket: ${made.body.toString()}`)
  return {
    hello: { s3: { endpoint, region }, bucket: BUCKET, ...key },
    close: () => cluster.remove(),
  }
}
