/** Which names a bucket may have. */

// Source: S3 user guide, "Bucket naming rules"; Garage forbids `xn--` likewise.
const shape = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const ipAddress = /^\d{1,3}(\.\d{1,3}){3}$/
const forbiddenSuffixes = ['-s3alias', '--ol-s3', '.mrap', '--x-s3', '--table-s3']
const forbiddenPrefixes = ['xn--', 'sthree-', 'amzn-s3-demo-']

/** What is wrong with a name, or undefined. */
export function bucketNameFault(name: string): string | undefined {
  if (name.length < 3 || name.length > 63) return 'it must have 3 to 63 characters'
  if (!shape.test(name)) return 'only a-z, 0-9, "." and "-", first and last a letter or digit'
  if (ipAddress.test(name)) return 'it looks like an IP address'
  if (/\.\.|\.-|-\./.test(name)) return 'a "." must stand between letters or digits'
  const prefix = forbiddenPrefixes.find((text) => name.startsWith(text))
  if (prefix !== undefined) return `names that begin with "${prefix}" are reserved`
  if (name.includes('.xn--')) return 'labels that begin with "xn--" are reserved'
  const suffix = forbiddenSuffixes.find((text) => name.endsWith(text))
  return suffix === undefined ? undefined : `names that end with "${suffix}" are reserved`
}
