import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  historyOf,
  initialState,
  type Answer,
  type Recorded,
} from '../../src/simulation/history.ts'
import { linearizationFault } from '../../src/simulation/linearizability.ts'

type Request = Recorded['request']

const done: Answer = { kind: 'done' }
const gone: Answer = { kind: 'shows', version: '' }

function shows(version: string): Answer {
  return { kind: 'shows', version }
}

function put(version: string, ifNone = false): Request {
  return { kind: 'put', version, ifNone }
}

/** Operations one after the other, each after the end of the one before. */
function inTurn(...steps: readonly (readonly [Request, Answer | undefined])[]): Recorded[] {
  return steps.map(([request, answer], index) => ({
    ...{ key: 'k', request, answer, call: 2 * index },
    end: answer === undefined ? Infinity : 2 * index + 1,
  }))
}

/** All at the same time. */
function atOnce(...steps: readonly (readonly [Request, Answer | undefined])[]): Recorded[] {
  return inTurn(...steps).map((recorded) => ({ ...recorded, call: 0, end: 100 }))
}

function fault(records: readonly Recorded[]): string | undefined {
  return linearizationFault(historyOf(records), initialState)
}

const complete = (operation: string): Request => ({
  ...{ kind: 'complete', upload: 'u', version: 'e|u', operation },
})
const create: Request = { kind: 'create', upload: 'u' }
const abort: Request = { kind: 'abort', upload: 'u' }
const get: Request = { kind: 'get' }

test('an acknowledged write that a later read misses is found', () => {
  assert.equal(fault(inTurn([put('a|1'), done], [get, shows('a|1')])), undefined)
  assert.notEqual(fault(inTurn([put('a|1'), done], [get, gone])), undefined)
  assert.notEqual(
    fault(inTurn([put('a|1'), done], [{ kind: 'listed' }, shows('')])),
    undefined,
    'a listing is a read',
  )
})

test('a write of unknown outcome may show or not, and never half', () => {
  const unknown = [put('a|1'), undefined] as const
  assert.equal(fault(inTurn(unknown, [get, gone])), undefined)
  assert.equal(fault(inTurn(unknown, [get, shows('a|1')])), undefined)
  assert.notEqual(fault(inTurn(unknown, [get, shows('a|1')], [get, gone])), undefined)
  assert.notEqual(fault(inTurn(unknown, [get, shows('a|2')])), undefined, 'metadata of another')
})

test('a deleted key that comes back is found', () => {
  const deleted = [{ kind: 'delete' }, { kind: 'was there', isThere: true }] as const
  assert.equal(fault(inTurn([put('a|1'), done], deleted, [get, gone])), undefined)
  assert.notEqual(fault(inTurn([put('a|1'), done], deleted, [get, shows('a|1')])), undefined)
  const ghost = fault(inTurn([put('a|1'), done], deleted, [{ kind: 'listed' }, shows('a')]))
  assert.notEqual(ghost, undefined)
})

test('two winners of a conditional create, and a refusal without a reason, are found', () => {
  const refused: Answer = { kind: 'refused', code: 'PreconditionFailed' }
  assert.equal(fault(atOnce([put('a|1', true), done], [put('b|2', true), refused])), undefined)
  assert.notEqual(fault(atOnce([put('a|1', true), done], [put('b|2', true), done])), undefined)
  assert.notEqual(fault(inTurn([put('a|1', true), refused])), undefined)
  const matched: Request = {
    ...put('b|2'),
    kind: 'put',
    ifMatch: 'a',
    version: 'b|2',
    ifNone: false,
  }
  assert.equal(fault(inTurn([put('a|1'), done], [matched, done])), undefined)
  assert.notEqual(fault(inTurn([put('c|1'), done], [matched, done])), undefined)
})

test('a Complete that is not repeated as it was, or after an Abort, is found', () => {
  const refused: Answer = { kind: 'refused', code: 'NoSuchUpload' }
  const opened = [create, done] as const
  assert.equal(fault(inTurn(opened, [complete('1'), done], [complete('2'), done])), undefined)
  assert.notEqual(fault(inTurn(opened, [complete('1'), done], [complete('2'), refused])), undefined)
  assert.equal(fault(inTurn(opened, [abort, done], [complete('1'), refused])), undefined)
  assert.notEqual(fault(inTurn(opened, [abort, done], [complete('1'), done])), undefined)
  assert.notEqual(fault(inTurn(opened, [complete('1'), done], [get, gone])), undefined)
  const both = atOnce(opened, [abort, done], [complete('1'), done])
  assert.notEqual(fault(both), undefined, 'one of them wins')
})

test('a part that was acknowledged and is not found by Complete is found', () => {
  const refused: Answer = { kind: 'refused', code: 'InvalidPart' }
  assert.notEqual(fault(inTurn([create, done], [complete('1'), refused])), undefined)
  assert.equal(fault(inTurn([create, done], [abort, done], [complete('1'), refused])), undefined)
})

test('a part that is taken after its upload has ended is found, and one that is refused before', () => {
  const part: Request = { kind: 'part', upload: 'u' }
  const late: Answer = { kind: 'refused', code: 'NoSuchUpload' }
  assert.equal(fault(inTurn([create, done], [part, done], [abort, done], [part, late])), undefined)
  assert.notEqual(fault(inTurn([create, done], [abort, done], [part, done])), undefined)
  assert.notEqual(fault(inTurn([create, done], [part, late])), undefined)
  assert.equal(fault(atOnce([create, done], [abort, done], [part, done])), undefined)
  assert.equal(fault(inTurn([create, done], [part, undefined], [abort, done])), undefined)
})
