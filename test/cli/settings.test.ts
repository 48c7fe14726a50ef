import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSettings, pasteLine } from '../../src/cli/settings.ts'

const settings = {
  endpoint: 'http://127.0.0.1:3900',
  region: 'us-east-1',
  accessKeyId: 'GK1',
  secretAccessKey: 'secret',
  bucket: 'my-bucket',
}

test('pasteLine is one line that sets everything a new shell needs', () => {
  const line = pasteLine(settings)
  assert.ok(!line.includes('\n'))
  assert.match(line, /^export AWS_ACCESS_KEY_ID=GK1 AWS_SECRET_ACCESS_KEY=secret /)
  assert.match(line, /aws --endpoint-url http:\/\/127\.0\.0\.1:3900 s3 cp/)
})

test('clientSettings names every client of the promise, with path style where it must be asked for', () => {
  const text = clientSettings(settings)
  for (const client of ['rclone', 'JavaScript', 'boto3', 'restic', 'litestream']) {
    assert.ok(text.includes(client), client)
  }
  assert.match(text, /force_path_style = true/)
  assert.match(text, /forcePathStyle: true/)
  assert.match(text, /force-path-style: true/)
})
