/** A real browser against the node: CORS, forms, a site, media, and the AWS SDK within a page. */

import { filmIsSought, siteShows } from './browser/site.ts'
import { inScene, type Scene } from './browser/scene.ts'
import { localPagesMay, sdkGoesThrough } from './browser/sdk.ts'
import {
  errorsAreRead,
  formData,
  friendsMay,
  plainForm,
  strangersMayNot,
} from './browser/uploads.ts'
import { claim, inFolder } from './claims.ts'

type Claim = readonly [string, (scene: Scene) => Promise<string>]

const CLAIMS: readonly Claim[] = [
  ['a page that the bucket lets in puts and gets by presigned links', friendsMay],
  ['a page of a stranger puts nothing and reads nothing', strangersMayNot],
  ['a page reads why it is refused', errorsAreRead],
  ['a form without a script uploads a file and leads on', plainForm],
  ['a script sends FormData and reads the 201', formData],
  ['a site shows its pages, folders, redirects and error page', siteShows],
  ['a film on a site is jumped into', filmIsSought],
  ['the AWS SDK in a page uploads in parts and gets it back', sdkGoesThrough],
  ['a page of this machine needs no rules of `hangar dev`', localPagesMay],
]

await inFolder('browser', async (folder) => {
  await claim('Chromium opens', async () => {
    let version = ''
    await inScene(folder, async (scene) => {
      version = scene.browser.version
      for (const [name, prove] of CLAIMS) await claim(name, () => prove(scene))
    })
    return version
  })
})
