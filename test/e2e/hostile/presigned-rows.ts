/** Hostile presigned links. */

import { prepare } from '../../support/signed-client.ts'
import { wire } from './wire.ts'
import type { Row } from './row.ts'

const mismatch = { status: [403], code: ['SignatureDoesNotMatch'] } as const

const presigned = (
  name: string,
  change: (path: string) => string,
  answer: Pick<Row, 'status' | 'code'>,
): Row => ({
  name,
  bytes: ({ owner, bucket, key }) => {
    const prepared = prepare(owner, { method: 'GET', bucket, key, presigned: true })
    return wire({ ...prepared, path: change(prepared.path) })
  },
  ...answer,
})

export const presignedRows: readonly Row[] = [
  ...['X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires', 'X-Amz-SignedHeaders'].map((parameter) =>
    presigned(
      `S23 presigned without ${parameter}`,
      (path) => path.replace(new RegExp(`&?${parameter}=[^&]*`), ''),
      {
        status: [400, 403],
        code: ['AuthorizationQueryParametersError'],
      },
    ),
  ),
  ...['abc', '-1', '604801', '1e3'].map((expires) =>
    presigned(
      `S23 presigned for ${expires} seconds`,
      (path) => path.replace(/X-Amz-Expires=\d+/, `X-Amz-Expires=${expires}`),
      {
        status: [400],
        code: ['AuthorizationQueryParametersError'],
      },
    ),
  ),
  presigned('S26 presigned, another key', (path) => path.replace(/(\/[^?]*)\?/, '$1x?'), mismatch),
  presigned('S26 presigned, a parameter more', (path) => `${path}&versionId=null`, mismatch),
  {
    name: 'S26 presigned for GET, used by PUT',
    bytes: ({ owner, bucket, key }) => {
      const prepared = prepare(owner, { method: 'GET', bucket, key, presigned: true })
      return wire({ ...prepared, method: 'PUT' })
    },
    ...mismatch,
  },
  presigned('S27 a parameter twice', (path) => `${path}&X-Amz-Expires=60`, {
    status: [400],
    code: ['AuthorizationQueryParametersError', 'InvalidArgument'],
  }),
]
