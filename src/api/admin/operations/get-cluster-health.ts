/** GetClusterHealth: how many nodes and partitions are well. */

import { clusterHealthShape } from '../answers.ts'
import { healthOf } from '../health.ts'
import { garageOperation } from '../operation.ts'

export const getClusterHealth = garageOperation(
  'GET',
  'GetClusterHealth',
  (context) => healthOf(context),
  { data: false, answer: clusterHealthShape },
)
