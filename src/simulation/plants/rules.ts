/** Wrong decisions: each stands in the place of one rule of `table/rules.ts`. */

import { ballotZero, compareBallots, maxBallot } from '../../base/ballot.ts'
import type { Plant } from '../plant.ts'

export const rulePlants: readonly Plant[] = [
  {
    name: 'a quorum of one',
    rules: { quorum: () => 1, readQuorum: () => 1 },
    ownerCounts: [3],
  },
  {
    name: 'reads ask one owner',
    rules: { readQuorum: () => 1 },
    ownerCounts: [3],
  },
  {
    name: 'writes are done with one owner',
    rules: { quorum: () => 1 },
    weather: { slowChance: 0.2, slowMs: 1500, lossChance: 0.1 },
    ownerCounts: [3],
  },
  {
    name: 'a read that finds its owners differing answers before they agree',
    rules: { writesBack: false },
    // Two that agree are enough, so it shows only where changes stay half done.
    weather: { acceptLossChance: 0.5 },
    syncIntervalMs: 60_000,
    ownerCounts: [3],
  },
  {
    name: 'a promise lost at restart: the mark is not the floor',
    rules: { floorAtStart: () => ballotZero },
    forecast: { kinds: ['split'], count: 25, crashAfterPromiseChance: 0.05 },
    weather: { usualMs: 50, slowChance: 0.05, slowMs: 300, lossChance: 0.01 },
    ownerCounts: [3],
  },
  {
    name: 'a promise forgotten by age',
    rules: { promiseLeavingMemory: 'forgotten' },
    weather: { slowChance: 0.3, slowMs: 1500, lossChance: 0.02 },
    ownerCounts: [2, 3, 5],
  },
  {
    name: 'a copied row is taken past a promise',
    rules: { floorOfCopy: ({ row }) => row ?? ballotZero },
    weather: { usualMs: 50, slowChance: 0.2, slowMs: 1500, lossChance: 0.1 },
    syncIntervalMs: 100,
    ownerCounts: [3],
  },
  {
    name: 'side rows not sent again with their row',
    isRare: true,
    rules: { resentSides: () => [] },
    // Owners copy what they lack from one another, so it shows only where few messages come through.
    forecast: { kinds: ['split', 'cut'], count: 25 },
    weather: { usualMs: 20, acceptLossChance: 0.5, lossChance: 0.05 },
    ownerCounts: [3],
  },
  {
    name: 'check then write: a row is taken whatever was promised since',
    isRare: true,
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
    name: 'a read while the layout changes shows what the older owners alone hold',
    rules: { vouchedTo: () => Infinity },
    movesLayouts: true,
    layoutChanges: 6,
    // It shows only where changes stay half done while nodes gather.
    weather: { acceptLossChance: 0.5, slowChance: 0.2, slowMs: 1500 },
    syncIntervalMs: 60_000,
  },
  {
    name: 'messages of an old epoch are taken',
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
    name: 'what layouts take from a node that is away, and give back, it keeps',
    rules: { noticesGaps: false },
    isRare: true,
    movesLayouts: true,
    layoutChanges: 1,
    hasAbsence: true,
    emptiesKeys: true,
    ownerCounts: [3],
    forecast: { kinds: ['jump'], count: 5 },
    weather: { lossChance: 0, acceptLossChance: 0, slowChance: 0 },
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
    name: 'a tombstone is collected by the owners of an old layout',
    rules: { collectingLists: (lists) => lists.slice(0, 1) },
    emptiesKeys: true,
    movesLayouts: true,
    layoutChanges: 8,
    forecast: { kinds: ['kill', 'freeze'], count: 12, restartMs: 8000, freezeMs: 20_000 },
    weather: { lossChance: 0.2 },
    syncIntervalMs: 60_000,
  },
  {
    name: 'what is collected leaves no floor behind',
    isRare: true,
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
    name: 'a node that lost its rows votes as before',
    rules: { mutesLost: false },
    movesLayouts: true,
    forecast: { kinds: ['wipe', 'split'], count: 12 },
  },
  {
    name: 'a node that lost its rows votes after it copied from one owner',
    rules: { recoversFrom: 'one' },
    movesLayouts: true,
    forecast: { kinds: ['wipe', 'wipe', 'split', 'cut'], count: 12 },
    weather: { lossChance: 0.1 },
  },
]
