import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseXml } from '../../../../src/api/http/xml.ts'
import { S3Error } from '../../../../src/api/s3/errors.ts'
import { lifecycleXml, readLifecycle } from '../../../../src/api/s3/settings/lifecycle-document.ts'
import type { LifecycleRule } from '../../../../src/model/rows/bucket-settings.ts'

function read(...rules: string[]): readonly LifecycleRule[] {
  const xml = `<LifecycleConfiguration>${rules.join('')}</LifecycleConfiguration>`
  let count = 0
  return readLifecycle(parseXml(Buffer.from(xml)), () => `new${(count += 1)}`)
}

const status = '<Status>Enabled</Status>'
const one = '<Expiration><Days>1</Days></Expiration>'
const abort = (days: string): string =>
  `<AbortIncompleteMultipartUpload>${days}</AbortIncompleteMultipartUpload>`

/** A rule for everything with these elements. */
function rule(elements: string): string {
  return `<Rule><Filter/>${status}${elements}</Rule>`
}

test('what is read is written as it was', () => {
  const rules = [
    `<Rule><ID>a</ID><Prefix>logs/</Prefix>${status}${one}</Rule>`,
    `<Rule><ID>b</ID><Filter></Filter><Status>Disabled</Status>${one}</Rule>`,
    `<Rule><ID>c</ID><Filter><Prefix>x &amp; y</Prefix></Filter>${status}` +
      `<Expiration><Date>2030-01-01T00:00:00.000Z</Date></Expiration>` +
      `${abort('<DaysAfterInitiation>7</DaysAfterInitiation>')}</Rule>`,
    `<Rule><ID>d</ID><Filter><And><Prefix>p</Prefix>` +
      `<ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>` +
      `<ObjectSizeLessThan>10</ObjectSizeLessThan></And></Filter>${status}${one}</Rule>`,
    `<Rule><ID>e</ID><Filter><ObjectSizeGreaterThan>0</ObjectSizeGreaterThan></Filter>` +
      `${status}${one}</Rule>`,
    `<Rule><ID>f</ID><Filter></Filter>${status}<Expiration>` +
      `<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>`,
  ]
  assert.equal(lifecycleXml(read(...rules)), rules.join(''))
})

test('a rule without ID gets one, a date may be a day alone', () => {
  const rules = read(rule(one), rule('<Expiration><Date>2030-01-01</Date></Expiration>'))
  assert.deepEqual(
    rules.map(({ id }) => id),
    ['new1', 'new2'],
  )
  assert.deepEqual(rules[1]!.expiration, { dateMicros: Date.UTC(2030, 0, 1) * 1000 })
})

const refused: Readonly<Record<string, readonly [rules: string[], code: string, says: RegExp]>> = {
  'no rule': [[], 'MalformedXML', /no Rule/],
  'too many rules': [
    Array.from({ length: 1001 }, () => rule(one)),
    'InvalidRequest',
    /must not exceed the allowed limit of 1000 rules/,
  ],
  'one ID twice': [
    [1, 2].map(() => `<Rule><ID>a</ID><Filter/>${status}${one}</Rule>`),
    'InvalidArgument',
    /Rule ID must be unique/,
  ],
  'a long ID': [
    [`<Rule><ID>${'a'.repeat(256)}</ID><Filter/>${status}${one}</Rule>`],
    'InvalidArgument',
    /allowed limit of 255/,
  ],
  'another status': [
    [`<Rule><Filter/><Status>enabled</Status>${one}</Rule>`],
    'MalformedXML',
    /Status/,
  ],
  'no scope': [[`<Rule>${status}${one}</Rule>`], 'MalformedXML', /or neither/],
  'two scopes': [
    [`<Rule><Prefix/><Filter/>${status}${one}</Rule>`],
    'MalformedXML',
    /both Filter and Prefix/,
  ],
  'no action': [[rule('')], 'InvalidRequest', /At least one action/],
  'no days': [[rule('<Expiration/>')], 'MalformedXML', /not one of/],
  'zero days': [
    [rule('<Expiration><Days>0</Days></Expiration>')],
    'InvalidArgument',
    /must be a positive integer/,
  ],
  'days below zero': [
    [rule('<Expiration><Days>-1</Days></Expiration>')],
    'InvalidArgument',
    /must be a positive integer/,
  ],
  'days and a date': [
    [rule('<Expiration><Days>1</Days><Date>2030-01-01</Date></Expiration>')],
    'MalformedXML',
    /not one of/,
  ],
  'a date at noon': [
    [rule('<Expiration><Date>2030-01-01T12:00:00Z</Date></Expiration>')],
    'InvalidArgument',
    /midnight GMT/,
  ],
  'a date that is none': [
    [rule('<Expiration><Date>20300101</Date></Expiration>')],
    'MalformedXML',
    /no date/,
  ],
  'an abort after no days': [[rule(abort(''))], 'MalformedXML', /DaysAfterInitiation/],
  'an abort after zero days': [
    [rule(abort('<DaysAfterInitiation>0</DaysAfterInitiation>'))],
    'InvalidArgument',
    /positive integer/,
  ],
  'an abort by size': [
    [
      `<Rule><Filter><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>${status}` +
        `${abort('<DaysAfterInitiation>1</DaysAfterInitiation>')}</Rule>`,
    ],
    'InvalidRequest',
    /Object Size/,
  ],
  'sizes that nothing has': [
    [
      `<Rule><Filter><And><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan>` +
        `<ObjectSizeLessThan>5</ObjectSizeLessThan></And></Filter>${status}${one}</Rule>`,
    ],
    'InvalidRequest',
    /has to be a value greater/,
  ],
  'two conditions without And': [
    [
      `<Rule><Filter><Prefix>a</Prefix><ObjectSizeLessThan>5</ObjectSizeLessThan></Filter>` +
        `${status}${one}</Rule>`,
    ],
    'MalformedXML',
    /outside And/,
  ],
  'an And of one': [
    [`<Rule><Filter><And><Prefix>a</Prefix></And></Filter>${status}${one}</Rule>`],
    'MalformedXML',
    /fewer than two/,
  ],
  'a long prefix': [
    [`<Rule><Prefix>${'a'.repeat(1025)}</Prefix>${status}${one}</Rule>`],
    'InvalidRequest',
    /maximum size of a prefix/,
  ],
  'an element of nobody': [[rule(`${one}<Sometimes/>`)], 'MalformedXML', /Sometimes/],
  tags: [
    [`<Rule><Filter><Tag><Key>a</Key></Tag></Filter>${status}${one}</Rule>`],
    'NotImplemented',
    /<Tag>/,
  ],
  'tags in And': [
    [
      `<Rule><Filter><And><Prefix>a</Prefix><Tag><Key>a</Key></Tag></And></Filter>` +
        `${status}${one}</Rule>`,
    ],
    'NotImplemented',
    /<Tag>/,
  ],
  transitions: [[rule(`${one}<Transition/>`)], 'NotImplemented', /<Transition>/],
  versions: [
    [rule(`${one}<NoncurrentVersionExpiration/>`)],
    'NotImplemented',
    /<NoncurrentVersionExpiration>/,
  ],
  'days and delete markers': [
    [
      rule(
        '<Expiration><Days>1</Days>' +
          '<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>',
      ),
    ],
    'MalformedXML',
    /not one of/,
  ],
}

for (const [name, [rules, code, says]] of Object.entries(refused)) {
  test(`readLifecycle() refuses ${name}`, () => {
    assert.throws(
      () => read(...rules),
      (error) => {
        assert.ok(error instanceof S3Error)
        assert.equal(error.code, code, error.message)
        assert.match(error.message, says)
        return true
      },
    )
  })
}
