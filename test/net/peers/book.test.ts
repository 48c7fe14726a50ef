import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PEER_ADDRESSES_MAX, PEERS_MAX } from '../../../src/base/limits.ts'
import { AddressBook, packKnown } from '../../../src/net/peers/book.ts'
import { nodeOf } from '../memory-links.ts'

const [self, one, two] = [nodeOf(0), nodeOf(1), nodeOf(2)]

function at(port: number): { host: string; port: number } {
  return { host: 'h', port }
}

test('a book keeps a bounded number of addresses: what a node says itself takes the place of older ones', () => {
  const book = new AddressBook(self)
  assert.equal(book.add(one, at(1), 'configured'), true)
  assert.equal(book.add(one, at(1), 'said'), false)
  for (let port = 2; port <= PEER_ADDRESSES_MAX + 3; port += 1) book.add(one, at(port), 'said')
  const ports = book.addresses(one).map((address) => address.port)
  assert.equal(ports.length, PEER_ADDRESSES_MAX)
  assert.deepEqual(ports.slice(0, 3), [1, 5, 6])
})

test('books that tell each other come to rest, however many addresses there are', () => {
  const books = [new AddressBook(self), new AddressBook(two)]
  books.forEach((book, index) => {
    for (let port = 1; port <= PEER_ADDRESSES_MAX; port += 1) {
      book.add(one, at(10 * port + index), 'said')
    }
  })
  for (const [from, to] of [
    [0, 1],
    [1, 0],
  ] as const) {
    assert.deepEqual(books[to]!.merge(packKnown(books[from]!.list())), [])
  }
})

test('a book never holds the node itself, nor more nodes than its bound', () => {
  const book = new AddressBook(self)
  assert.equal(book.add(self, at(1), 'configured'), false)
  const many = Array.from({ length: PEERS_MAX + 5 }, (_, n) => [
    n.toString(16).padStart(64, 'f'),
    ['h:1'],
  ])
  book.merge(many.slice(0, 10))
  book.merge(many)
  assert.ok(book.nodes().length <= PEERS_MAX)
  assert.equal(
    book.add(two, at(1), 'configured'),
    book.nodes().length <= PEERS_MAX && book.knows(two),
  )
})

test('what one book tells, another takes in, and it says which nodes were new', () => {
  const [book, other] = [new AddressBook(self), new AddressBook(two)]
  book.add(one, at(1), 'configured')
  book.add(two, at(2), 'said')
  assert.deepEqual(other.merge(packKnown(book.list())), [one])
  assert.deepEqual(other.merge(packKnown(book.list())), [])
  assert.deepEqual(other.list(), [{ node: one, addresses: ['h:1'] }])
  assert.ok(other.forget(one) && !other.knows(one))
})

test('a node that was forgotten comes back by itself or by an operator, not by what others tell', () => {
  const [book, other] = [new AddressBook(self), new AddressBook(two)]
  other.add(one, at(1), 'said')
  book.merge(packKnown(other.list()))
  book.forget(one)
  assert.deepEqual(book.merge(packKnown(other.list())), [])
  assert.ok(!book.knows(one))
  assert.ok(book.add(one, at(1), 'said'))
  book.forget(one)
  assert.ok(book.add(one, at(1), 'configured') && book.isConfigured(one))
  assert.deepEqual(book.merge(packKnown([{ node: one, addresses: ['h:7'] }])), [one])
})

test('an address that leads its node stands first, and stays so whatever others tell', () => {
  const book = new AddressBook(self)
  book.add(one, at(1), 'configured')
  book.add(one, at(2), 'said')
  assert.equal(book.lead(one, at(2)), true)
  assert.equal(book.lead(one, at(2)), false, 'it stands there')
  assert.equal(book.lead(one, at(3)), false, 'it is not known')
  assert.equal(book.lead(two, at(2)), false, 'nor is that node')
  book.merge([[one, ['h:1', 'h:4']]])
  assert.deepEqual(book.list(), [{ node: one, addresses: ['h:2', 'h:1', 'h:4'] }])
  assert.equal(book.isConfigured(one), true)
})
