import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MIB } from '../../../src/base/limits.ts'
import { HttpError } from '../../../src/api/http/errors.ts'
import {
  escapeXml,
  parseXml,
  S3_NAMESPACE,
  xmlDocument,
  type XmlElement,
} from '../../../src/api/http/xml.ts'

function parse(text: string): XmlElement {
  return parseXml(Buffer.from(text))
}

function refuses(bytes: Uint8Array | string, name: string): void {
  assert.throws(
    () => parseXml(Buffer.from(bytes)),
    (error) => error instanceof HttpError && error.code === 'MalformedXML',
    name,
  )
}

test('parseXml gives elements in order with their text, CDATA and references', () => {
  const tree = parse(
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      `<Delete xmlns="${S3_NAMESPACE}"><!-- a --><Object><Key>a&amp;b&#x41;&lt;</Key></Object>` +
      '<Object a="1"><Key> <![CDATA[<c>&]]> </Key></Object><Quiet/></Delete>',
  )
  assert.deepEqual(tree, {
    name: 'Delete',
    text: '',
    children: [
      { name: 'Object', text: '', children: [{ name: 'Key', text: 'a&bA<', children: [] }] },
      { name: 'Object', text: '', children: [{ name: 'Key', text: ' <c>& ', children: [] }] },
      { name: 'Quiet', text: '', children: [] },
    ],
  })
})

test('parseXml refuses document types, entities and other XML (X1, X5)', () => {
  const laughs =
    '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;&l;&l;&l;&l;&l;&l;">]><a>&m;</a>'
  const rows: [string, string | Uint8Array][] = [
    ['billion laughs', laughs],
    ['external entity', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
    ['undeclared entity', '<a>&foo;</a>'],
    ['empty', ''],
    ['blank', '  \n'],
    ['text alone', 'hello'],
    ['unclosed', '<a><b></b>'],
    ['mismatched', '<a></b>'],
    ['two roots', '<a/><b/>'],
    ['text after the root', '<a/>b'],
    ['no name', '<>'],
    ['bare ampersand', '<a>&</a>'],
    ['control character', '<a>\x01</a>'],
    ['reference to a control character', '<a>&#1;</a>'],
    ['NUL', '<a>\0</a>'],
    ['attribute twice', '<a b="1" b="2"/>'],
    ['XML 1.1', '<?xml version="1.1"?><a/>'],
    ['other encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><a/>'],
    ['byte order mark', '\ufeff<a/>'],
    ['UTF-16', Buffer.from('\ufeff<a/>', 'utf16le')],
    ['not UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e])],
  ]
  for (const [name, bytes] of rows) refuses(bytes, name)
})

test('parseXml is bounded in depth, elements, attributes and time (X2)', () => {
  const started = process.cpuUsage()
  refuses('<a>'.repeat(10_000) + '</a>'.repeat(10_000), 'depth')
  refuses('<a>'.repeat(17) + '</a>'.repeat(17), 'depth of 17')
  parse('<a>'.repeat(16) + '</a>'.repeat(16))
  refuses(`<a>${'<b/>'.repeat(1_000_000)}</a>`, 'elements')
  const attributes = Array.from({ length: 100_000 }, (_, n) => `a${n}="1"`).join(' ')
  refuses(`<a ${attributes}/>`, 'attributes')
  const text = 'x'.repeat(4 * MIB)
  assert.equal(parse(`<a>${text}</a>`).text.length, text.length)
  assert.ok(process.cpuUsage(started).user < 2_000_000)
})

test('parseXml gives back what xmlDocument wrote, whatever the text', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 5 }), (texts) => {
      const document = xmlDocument('Result', (xml) => {
        for (const text of texts) xml.leaf('Key', text)
      })
      const lost = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
      assert.deepEqual(
        parse(document).children.map(({ text }) => text),
        texts.map((text) => text.replace(lost, '\ufffd')),
      )
    }),
    { numRuns: 500 },
  )
})

test('parseXml throws nothing but MalformedXML on any bytes', () => {
  const markup = fc
    .array(
      fc.constantFrom(
        '<a>',
        '</a>',
        '<b c="d">',
        '<![CDATA[',
        ']]>',
        '&amp;',
        '<!--',
        '-->',
        '<?x',
        '?>',
        'é',
        '<',
        '&#x41;',
      ),
      { maxLength: 30 },
    )
    .map((parts) => Buffer.from(parts.join('')))
  fc.assert(
    fc.property(fc.oneof(markup, fc.uint8Array({ maxLength: 60 })), (bytes) => {
      try {
        parseXml(bytes)
      } catch (error) {
        assert.ok(error instanceof HttpError && error.code === 'MalformedXML', String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

test('xmlDocument writes the namespace, numbers and empty leaves, and leaves out undefined', () => {
  const text = xmlDocument(
    'R',
    (xml) => {
      xml.leaf('A', 1)
      xml.leaf('B', true)
      xml.leaf('C', '')
      xml.leaf('D', undefined)
      xml.element('E', (inner) => inner.leaf('F', '<"\'&>'))
    },
    'urn:x',
  )
  assert.equal(
    text,
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
      '<R xmlns="urn:x"><A>1</A><B>true</B><C/>' +
      '<E><F>&lt;&quot;&#39;&amp;&gt;</F></E></R>',
  )
})

test('escapeXml keeps CR and replaces what XML cannot hold (X6)', () => {
  assert.equal(escapeXml('a\r\n\tb'), 'a&#xD;\n\tb')
  assert.equal(escapeXml('\0\x01\x1f\ufffe\ud800x'), '\ufffd\ufffd\ufffd\ufffd\ufffdx')
  assert.equal(escapeXml('😀é'), '😀é')
})
