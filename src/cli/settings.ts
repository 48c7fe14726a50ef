/** Ready-to-paste settings of S3 clients. Pure. */

export interface ClientSettings {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly bucket: string
}

/** One line that makes a new shell able to use the node, and a first upload. */
export function pasteLine(settings: ClientSettings): string {
  const { endpoint, region, accessKeyId, secretAccessKey, bucket } = settings
  return (
    `export AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}` +
    ` AWS_DEFAULT_REGION=${region} AWS_ENDPOINT_URL=${endpoint};` +
    ` echo hello | aws --endpoint-url ${endpoint} s3 cp - s3://${bucket}/hello.txt`
  )
}

/** Settings for each client under its name, in the form that it reads. */
export function clientSettings(settings: ClientSettings): string {
  const { endpoint, region, accessKeyId: id, secretAccessKey: secret, bucket } = settings
  const parts: readonly (readonly [string, string])[] = [
    [
      'rclone (rclone.conf, then `rclone ls hangar:' + bucket + '`)',
      `[hangar]\ntype = s3\nprovider = Other\nendpoint = ${endpoint}\nregion = ${region}\naccess_key_id = ${id}\nsecret_access_key = ${secret}\nforce_path_style = true`,
    ],
    [
      'JavaScript (@aws-sdk/client-s3)',
      `new S3Client({ endpoint: '${endpoint}', region: '${region}', forcePathStyle: true,\n  credentials: { accessKeyId: '${id}', secretAccessKey: '${secret}' } })`,
    ],
    [
      'Python (boto3)',
      `boto3.client('s3', endpoint_url='${endpoint}', region_name='${region}',\n  aws_access_key_id='${id}', aws_secret_access_key='${secret}')`,
    ],
    [
      'restic (after the line for aws above)',
      `restic -r s3:${endpoint}/${bucket}/restic -o s3.bucket-lookup=path init`,
    ],
    [
      'litestream (litestream.yml)',
      `access-key-id: ${id}\nsecret-access-key: ${secret}\ndbs:\n  - path: my.db\n    replicas:\n      - type: s3\n        endpoint: ${endpoint}\n        region: ${region}\n        bucket: ${bucket}\n        path: my.db\n        force-path-style: true`,
    ],
  ]
  return parts.map(([title, text]) => `${title}\n${text.replace(/^/gm, '    ')}`).join('\n\n')
}
