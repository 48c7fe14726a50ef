/** Writes the pages of doc/ that are made from the code (`npm run docs`). */

import { writeFileSync } from 'node:fs'
import { configurationPage } from './configuration-page.ts'
import { s3CompatibilityPage } from './s3-compatibility-page.ts'

const pages = {
  'doc/configuration.md': configurationPage,
  'doc/s3-compatibility.md': s3CompatibilityPage,
}

for (const [path, page] of Object.entries(pages)) {
  writeFileSync(path, page())
  console.log(`wrote ${path}`)
}
