/** A site as a visitor sees it, and a film on it. */

import assert from 'node:assert/strict'
import { bytesOf } from '../../support/content.ts'
import { GIVE_BYTES, SITE, must, type Scene } from './scene.ts'

/** Seconds, and bytes a second, of the film, which is noise. */
const FILM = { seconds: 60, rate: 96_000 }

function siteAt({ hello }: Scene, path: string): string {
  return `http://${SITE}.localhost:${new URL(hello.web.endpoint).port}${path}`
}

/** A wave file: browsers play it with what they have. */
function makeFilm(): Buffer {
  const data = FILM.seconds * FILM.rate
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(36 + data, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(FILM.rate / 2, 24)
  head.writeUInt32LE(FILM.rate, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(data, 40)
  return Buffer.concat([head, bytesOf({ seed: 3, size: data })])
}

async function fillSite({ client }: Scene): Promise<void> {
  const put = (key: string, type: string, body: Buffer, more = {}): Promise<void> => {
    const headers = { 'content-type': type, ...more }
    return must(client, { method: 'PUT', bucket: SITE, key, headers, body })
  }
  const page = (name: string): Buffer =>
    Buffer.from(
      `<!doctype html><meta charset=utf-8><title>${name}</title><link rel=stylesheet href=/a.css>`,
    )
  await put('index.html', 'text/html', page('home ü'))
  await put('docs/index.html', 'text/html', page('docs'))
  await put('lost.html', 'text/html', page('lost'))
  await put('a.css', 'text/css', Buffer.from('html { color: rgb(1, 2, 3) }'))
  await put('moved', 'text/plain', Buffer.alloc(0), {
    'x-amz-website-redirect-location': '/docs/?by=object',
  })
}

/** What a visitor of a site sees at some addresses, and where he ends. */
export async function siteShows(scene: Scene): Promise<string> {
  const { browser } = scene
  await fillSite(scene)
  const visits: readonly (readonly [string, string, string])[] = [
    ['/', 'home ü', '/'],
    ['/docs/', 'docs', '/docs/'],
    ['/docs?q=1', 'docs', '/docs/?q=1'],
    ['/old/index.html', 'docs', '/docs/index.html'],
    ['/moved', 'docs', '/docs/?by=object'],
    ['/no/such', 'lost', '/no/such'],
  ]
  for (const [path, title, end] of visits) {
    await browser.open(siteAt(scene, path))
    const seen = await browser.run<unknown>(
      'return [document.title, location.pathname + location.search, getComputedStyle(document.documentElement).color]',
    )
    assert.deepEqual(seen, [title, end, 'rgb(1, 2, 3)'], path)
  }
  return `${visits.length} addresses`
}

/** A film is jumped into: the browser asks for ranges of it by itself. */
export async function filmIsSought(scene: Scene): Promise<string> {
  const { browser, client } = scene
  const film = makeFilm()
  const headers = { 'content-type': 'audio/wav' }
  await must(client, { method: 'PUT', bucket: SITE, key: 'film.wav', headers, body: film })
  await browser.open(siteAt(scene, '/'))
  const seen = await browser.run<Record<string, unknown>>(
    `${GIVE_BYTES}
    const [source, middle] = arguments
    const video = document.createElement('video')
    const when = (name) => new Promise((resolve, reject) => {
      video.addEventListener(name, resolve, { once: true })
      video.addEventListener('error', () => reject(new Error(video.error.message)), { once: true })
    })
    video.src = source
    video.preload = 'auto'
    await when('loadeddata')
    const sought = when('seeked')
    video.currentTime = middle
    await sought
    const last = await fetch(source, { headers: { range: 'bytes=-1000' }, cache: 'no-store' })
    return {
      duration: video.duration, seekable: video.seekable.end(0), at: video.currentTime,
      status: last.status, range: last.headers.get('content-range'),
      last: base64((await last.arrayBuffer()).slice(0, 1000)),
    }`,
    ...['/film.wav', FILM.seconds / 2],
  )
  assert.deepEqual(seen, {
    ...{ duration: FILM.seconds, seekable: FILM.seconds, at: FILM.seconds / 2, status: 206 },
    range: `bytes ${film.length - 1000}-${film.length - 1}/${film.length}`,
    last: film.subarray(-1000).toString('base64'),
  })
  const answers = await browser.answers('/film.wav')
  assert.ok(answers.length > 1 && answers.every((status) => status === 206), String(answers))
  return `${film.length} bytes in ${answers.length} answers, sought in the middle; the last 1000 by fetch`
}
