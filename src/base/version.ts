/** The version of the program: the one of package.json, kept equal by a test. */

export const VERSION = '0.1.0'
