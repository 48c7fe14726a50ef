/** Writes the pages of doc/ that are made from the code (`npm run docs`). */

import { readFileSync, writeFileSync } from 'node:fs'
import { configurationPage } from './configuration-page.ts'
import { errorsPage } from './errors-page.ts'
import { withExamples } from './protocol-pages.ts'
import { s3CompatibilityPage } from './s3-compatibility-page.ts'

const pages = {
  'doc/configuration.md': configurationPage,
  'doc/errors.md': errorsPage,
  'doc/s3-compatibility.md': s3CompatibilityPage,
}

for (const [path, page] of Object.entries(pages)) {
  writeFileSync(path, page())
  console.log(`wrote ${path}`)
}

for (const path of ['doc/protocol/rows.md', 'doc/protocol/segments.md']) {
  writeFileSync(path, withExamples(readFileSync(path, 'utf8')))
  console.log(`wrote the bytes of ${path}`)
}
