/** GetClusterStatistics: the nodes that store, how much more fits, what lacks a copy; as text. */

import { freeformShape } from '../answers.ts'
import { garageOperation } from '../operation.ts'
import { clusterStatistics } from '../statistics.ts'

export const getClusterStatistics = garageOperation(
  'GET',
  'GetClusterStatistics',
  async (context) => ({ freeform: await clusterStatistics(context) }),
  { data: false, answer: freeformShape },
)
