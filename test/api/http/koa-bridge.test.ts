import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HttpError } from '../../../src/api/http/errors.ts'
import { answerWith, koaHandler } from '../../../src/api/http/koa-bridge.ts'
import { ask, openDoor, readAll } from './door.ts'

const HEAD = 'HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n'

test('koaHandler sends what a middleware chose, in koa or in our own words', async (t) => {
  const handler = koaHandler((app) => {
    app.use(async (ctx, next) => {
      ctx.set('X-Door', 'koa')
      await next()
    })
    app.use(async (ctx, next) => {
      if (ctx.state.request.target === '/ours') {
        await answerWith(async (request) => ({
          status: 201,
          headers: [['Content-Type', 'application/xml']],
          body: `<Size>${(await readAll(request.body)).length}</Size>`,
        }))(ctx, next)
      } else if (ctx.state.request.target === '/throws') {
        throw new HttpError('InvalidArgument', 'Cannot')
      } else if (ctx.state.request.target === '/text') {
        ctx.status = 200
        ctx.type = 'text/plain'
        ctx.body = '<hello>'
      } else await next()
    })
  })
  const server = await openDoor(t, handler)
  const get = (line: string, body = ''): Promise<string> =>
    ask(server.address.port, `${line} ${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)
  assert.match(
    await get('PUT /ours', 'hello'),
    /^HTTP\/1\.1 201 [^]*application\/xml[^]*<Size>5<\/Size>$/,
  )
  const text = await get('GET /text')
  assert.match(text, /^HTTP\/1\.1 200 [^]*x-door: koa\r\n[^]*text\/plain[^]*\r\n\r\n<hello>$/i)
  assert.equal(text.match(/content-length/gi)?.length, 1)
  assert.match(await get('HEAD /text'), /^HTTP\/1\.1 200 [^]*Content-Length: 7\r\n[^]*\r\n\r\n$/i)
  assert.match(await get('GET /throws'), /^HTTP\/1\.1 400 [^]*<Code>InvalidArgument</)
  assert.match(await get('GET /none'), /^HTTP\/1\.1 404 /)
})
