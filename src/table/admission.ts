/** The one rule that gives or refuses a promise and takes or refuses a row. Pure. */

import { ballotZero, compareBallots, maxBallot, type Ballot } from '../base/ballot.ts'

/** The ballots that bind an owner for one register; undefined where there is none. */
export interface Binding {
  /** Of the row it holds, synced or not. */
  readonly row: Ballot | undefined
  readonly promise: Ballot | undefined
  readonly partitionFloor: Ballot
}

export function floorOf(binding: Binding): Ballot {
  const floor = maxBallot(binding.row ?? ballotZero, binding.partitionFloor)
  return binding.promise === undefined ? floor : maxBallot(floor, binding.promise)
}

/** @param collectedMicros a time that no promise is given at or before, whatever its epoch */
export function admitsPromise(ballot: Ballot, floor: Ballot, collectedMicros = 0): boolean {
  return compareBallots(ballot, floor) > 0 && ballot.time > collectedMicros
}

/** However the row arrives: by an accept, by sync, by repair. */
export function admitsRow(ballot: Ballot, floor: Ballot): boolean {
  return compareBallots(ballot, floor) >= 0
}
