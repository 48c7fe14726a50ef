/** Planted bugs that the simulation must catch: each is one wrong rule in an otherwise right node. */

import { ballotZero, compareBallots, maxBallot } from '../base/ballot.ts'
import type { Plant } from './simulate.ts'

export const plants: readonly Plant[] = [
  {
    name: 'a quorum of one',
    rules: { quorum: () => 1 },
    ownerCounts: [3],
  },
  {
    name: 'a promise lost at restart: the mark is not the floor',
    isRare: true,
    rules: { floorAtStart: () => ballotZero },
    forecast: { kinds: ['split'], count: 25, crashAfterPromiseChance: 0.05 },
    weather: { usualMs: 50, slowChance: 0.05, slowMs: 300, lossChance: 0.01 },
    ownerCounts: [3],
  },
  {
    name: 'a promise forgotten by age',
    isRare: true,
    rules: { promiseLeavingMemory: 'forgotten' },
    weather: { slowChance: 0.3, slowMs: 1500, lossChance: 0.02 },
    ownerCounts: [2, 3, 5],
  },
  {
    name: 'side rows not sent again with their row',
    rules: { resentSides: () => [] },
    // Owners copy what they lack from one another, so it shows only where few messages come through.
    forecast: { kinds: ['split', 'cut'], count: 25 },
    weather: { usualMs: 20, slowChance: 0.2, slowMs: 1500, lossChance: 0.2 },
    ownerCounts: [3],
  },
  {
    name: 'check then write: a row is taken whatever was promised since',
    rules: {
      admitsPromise: () => true,
      floor: ({ row }) => row ?? ballotZero,
      admitsRow: (ballot, floor) => compareBallots(maxBallot(ballot, floor), ballot) === 0,
    },
    ownerCounts: [3],
  },
  {
    name: 'votes of the newest layout alone',
    rules: { votingLists: (lists) => lists.slice(-1) },
    movesLayouts: true,
  },
  {
    name: 'messages of an old epoch are taken',
    isRare: true,
    rules: { refusesOldEpochs: false },
    movesLayouts: true,
    forecast: { kinds: ['freeze'], count: 8, freezeMs: 40_000 },
    layoutChanges: 6,
  },
  {
    name: 'a node that gains a partition again keeps its old rows',
    rules: { emptiesGained: false },
    movesLayouts: true,
  },
  {
    name: 'a tombstone is collected when a majority has confirmed it',
    rules: { mayCollect: (owners, confirmed) => confirmed.size * 2 > owners.length },
    emptiesKeys: true,
    forecast: { kinds: ['kill'], count: 16, restartMs: 8000 },
    ownerCounts: [3],
  },
  {
    name: 'a tombstone is collected by its age alone',
    rules: { mayCollect: () => true },
    emptiesKeys: true,
    forecast: { kinds: ['kill'], count: 16, restartMs: 8000 },
    ownerCounts: [3],
  },
  {
    name: 'what is collected leaves no floor behind',
    rules: { raisesFloor: false },
    emptiesKeys: true,
    forecast: { kinds: ['freeze'], count: 12 },
    weather: { slowChance: 0.1, slowMs: 15_000, copyChance: 0.3 },
    ownerCounts: [3],
  },
  {
    name: 'a node counts as complete before it has gathered anything',
    rules: { gathers: false },
    movesLayouts: true,
  },
  {
    name: 'a node that lost its rows votes after it copied from one owner',
    isRare: true,
    rules: { recoversFrom: 'one' },
    movesLayouts: true,
    forecast: { kinds: ['wipe', 'wipe', 'split', 'cut'], count: 12 },
    weather: { lossChance: 0.1 },
  },
]
