/** The WebsiteConfiguration document, both ways. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseXml } from '../../../../src/api/http/xml.ts'
import { failureOf } from '../../../../src/api/s3/errors.ts'
import { readWebsite, websiteXml } from '../../../../src/api/s3/settings/website-document.ts'

const read = (content: string): ReturnType<typeof readWebsite> =>
  readWebsite(parseXml(Buffer.from(`<WebsiteConfiguration>${content}</WebsiteConfiguration>`)))

const index = '<IndexDocument><Suffix>index.html</Suffix></IndexDocument>'
const rules = (content: string): string =>
  `${index}<RoutingRules><RoutingRule>${content}</RoutingRule></RoutingRules>`
const to = (content: string): string => rules(`<Redirect>${content}</Redirect>`)
const when = (content: string): string =>
  rules(`<Condition>${content}</Condition><Redirect><HostName>a</HostName></Redirect>`)

test('what websiteXml() writes readWebsite() reads', () => {
  const pages =
    `${index}<ErrorDocument><Key>404 .html</Key></ErrorDocument><RoutingRules>` +
    '<RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>' +
    '<KeyPrefixEquals>old/ </KeyPrefixEquals></Condition><Redirect><Protocol>https</Protocol>' +
    '<HostName>other.example:8443</HostName><ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith>' +
    '<HttpRedirectCode>302</HttpRedirectCode></Redirect></RoutingRule>' +
    '<RoutingRule><Redirect><ReplaceKeyWith>app.html</ReplaceKeyWith>' +
    '<HttpRedirectCode>200</HttpRedirectCode></Redirect></RoutingRule></RoutingRules>'
  const site = read(pages)
  assert.deepEqual(site, {
    indexDocument: 'index.html',
    errorDocument: '404 .html',
    rules: [
      {
        keyPrefix: 'old/ ',
        errorStatus: 404,
        redirect: {
          protocol: 'https',
          hostName: 'other.example:8443',
          replaceKeyPrefixWith: 'new/',
          status: 302,
        },
      },
      { redirect: { replaceKeyWith: 'app.html', status: 200 } },
    ],
  })
  assert.equal(websiteXml(site), pages)
  const elsewhere =
    '<RedirectAllRequestsTo><HostName>a.example</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>'
  assert.deepEqual(read(elsewhere), {
    redirectAll: { hostName: 'a.example', protocol: 'https' },
  })
  assert.equal(websiteXml(read(elsewhere)), elsewhere)
})

test('readWebsite() refuses what S3 refuses, in its words, and what would break out of a header', () => {
  const rows: [string, string, RegExp][] = [
    ['', 'InvalidArgument', /Suffix must be provided/],
    ['<IndexDocument/>', 'InvalidArgument', /Suffix is not well formed/],
    [
      '<IndexDocument><Suffix>a/b</Suffix></IndexDocument>',
      'InvalidArgument',
      /Suffix is not well/,
    ],
    [`${index}<ErrorDocument/>`, 'InvalidArgument', /ErrorDocument Key is not well formed/],
    [`${index}${index}`, 'MalformedXML', /more than once/],
    [`${index}<Other/>`, 'MalformedXML', /holds <Other>/],
    [
      `${index}<RedirectAllRequestsTo><HostName>a</HostName></RedirectAllRequestsTo>`,
      'MalformedXML',
      /beside other/,
    ],
    ['<RedirectAllRequestsTo/>', 'MalformedXML', /no HostName/],
    [
      '<RedirectAllRequestsTo><HostName>a&#xD;&#xA;b: c</HostName></RedirectAllRequestsTo>',
      'InvalidRequest',
      /not a host/,
    ],
    [rules('<Condition/>'), 'MalformedXML', /no Redirect/],
    [to(''), 'MalformedXML', /Redirect is empty/],
    [when(''), 'MalformedXML', /Condition is empty/],
    [to('<Protocol>javascript</Protocol>'), 'InvalidRequest', /protocol can be http or https/],
    [to('<HostName>evil.example/path</HostName>'), 'InvalidRequest', /not a host/],
    [to('<HttpRedirectCode>300</HttpRedirectCode>'), 'InvalidRequest', /code \(300\)/],
    [to('<HttpRedirectCode>306</HttpRedirectCode>'), 'InvalidRequest', /code \(306\)/],
    [to('<HttpRedirectCode>3xx</HttpRedirectCode>'), 'MalformedXML', /HttpRedirectCode/],
    [
      to('<HostName>a</HostName><HttpRedirectCode>200</HttpRedirectCode>'),
      'InvalidRequest',
      /leads nowhere/,
    ],
    [
      to('<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>'),
      'InvalidRequest',
      /but not both/,
    ],
    [to(`<ReplaceKeyWith>${'k'.repeat(1025)}</ReplaceKeyWith>`), 'InvalidRequest', /part of a key/],
    [
      when('<HttpErrorCodeReturnedEquals>399</HttpErrorCodeReturnedEquals>'),
      'InvalidRequest',
      /code \(399\)/,
    ],
    [
      when('<HttpErrorCodeReturnedEquals>418</HttpErrorCodeReturnedEquals>'),
      'InvalidRequest',
      /4XX or 5XX/,
    ],
    [
      `${index}<RoutingRules>${'<RoutingRule><Redirect><HostName>a</HostName></Redirect></RoutingRule>'.repeat(51)}</RoutingRules>`,
      'InvalidRequest',
      /^51 routing rules provided/,
    ],
  ]
  for (const [content, code, sentence] of rows) {
    assert.throws(
      () => read(content),
      (error) => {
        const failure = failureOf(error)
        assert.equal(failure.code, code, content)
        assert.match(failure.message, sentence)
        return true
      },
      content,
    )
  }
})
