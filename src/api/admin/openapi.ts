/** The document of the admin API, OpenAPI 3.1, made from what each operation declares. Pure. */

import { VERSION } from '../../base/version.ts'
import type { Schema } from './input.ts'
import { fields, nothing, shape, text } from './input.ts'
import { nodesShape } from './nodes.ts'
import type { AdminOperation, QueryParameter } from './operation.ts'

/** The schemas by name; an operation's are `NAMERequest` and `NAMEResponse`, as Garage's are. */
type Schemas = Record<string, Schema>

const nodeParameter: QueryParameter = {
  name: 'node',
  sentence: '`*`: all nodes; `self`: this one; or the first digits of an id',
  required: true,
}

const errorShape = fields({ code: text, message: text, region: text, path: text })

export function documentOf(operations: readonly AdminOperation[]): object {
  const schemas: Schemas = { Error: errorShape.schema }
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    const item = (paths[operation.path] ??= {})
    item[operation.method.toLowerCase()] = itemOf(operation, schemas)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hangar admin API',
      version: VERSION,
      description:
        "Garage's admin API v2 on its own paths, and under `/hangar/v1` what is only here.",
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearerAuth: [] }],
    paths,
    components: { schemas, securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer' } } },
  }
}

function itemOf(operation: AdminOperation, schemas: Schemas): object {
  const { input, nodes, query = [], guard } = operation
  const id = operationId(operation)
  const parameters = [...(nodes === true ? [nodeParameter] : []), ...query].map(parameterOf)
  return {
    operationId: id,
    tags: [operation.ours ? 'Hangar' : 'Garage'],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(input === undefined
      ? {}
      : {
          requestBody: {
            required: input.absent !== true,
            content: jsonOf(schemas, `${id}Request`, input.schema),
          },
        }),
    responses: {
      '200': { description: 'Done', content: contentOf(operation, id, schemas) },
      default: { description: 'Why not', content: refTo('Error') },
    },
    // Metrics are open to all where no token for them is set.
    ...(guard === 'open' ? { security: [] } : {}),
    ...(guard === 'metrics' ? { security: [{ bearerAuth: [] }, {}] } : {}),
  }
}

/** Of Garage's the name of the call; of ours, where two methods share one, with the method. */
function operationId({ name, method, ours }: AdminOperation): string {
  if (!ours) return name
  const words = name.split('-').map((word) => word[0]!.toUpperCase() + word.slice(1))
  return `${method === 'GET' ? 'Get' : 'Start'}${words.join('')}`
}

function parameterOf({ name, sentence, required }: QueryParameter): object {
  return {
    name,
    in: 'query',
    required: required === true,
    description: sentence,
    schema: { type: 'string' },
  }
}

function contentOf(operation: AdminOperation, id: string, schemas: Schemas): object {
  const { answer = nothing, nodes, produces } = operation
  if (produces !== undefined) return { [produces]: { schema: { type: 'string' } } }
  if (nodes !== true) return jsonOf(schemas, `${id}Response`, answer.schema)
  const local = `Local${id}Response`
  schemas[local] = answer.schema
  const whole = nodesShape(shape<unknown>(referenceTo(local), answer))
  return jsonOf(schemas, `MultiResponse_${local}`, whole.schema)
}

function jsonOf(schemas: Schemas, name: string, schema: Schema): object {
  schemas[name] = schema
  return refTo(name)
}

function refTo(name: string): object {
  return { 'application/json': { schema: referenceTo(name) } }
}

function referenceTo(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}
