// One server of a Bluesky network, until it is stopped or its standard input ends.
//
//   node -r ./loopback.cjs server.cjs identities PORT
//   node -r ./loopback.cjs server.cjs data PORT IDENTITIES_URL FOLDER
//
// Prints "ready". What a data server keeps lies in FOLDER, so that it may be
// killed and started again; identities are kept in memory.
const fs = require('node:fs')
const path = require('node:path')
const { TestPds, TestPlc, mockNetworkUtilities } = require('@atproto/dev-env')

async function main() {
  const [kind, port, identities, folder] = process.argv.slice(2)
  if (kind === 'identities') {
    await TestPlc.create({ port: Number(port) })
  } else {
    fs.mkdirSync(path.join(folder, 'data'), { recursive: true })
    const server = await TestPds.create({
      port: Number(port),
      hostname: 'localhost',
      inviteRequired: false,
      didPlcUrl: identities,
      dataDirectory: path.join(folder, 'data'),
      blobstoreDiskLocation: path.join(folder, 'blobs'),
      // The same key after every start: identities of before stay its own.
      plcRotationKeyK256PrivateKeyHex: '1'.repeat(64),
      repoBackfillLimitMs: Number(process.env.BACKFILL_MS ?? 24 * 3600 * 1000),
    })
    mockNetworkUtilities(server)
  }
  console.log('ready')
  process.stdin.resume()
  process.stdin.on('end', () => process.exit(0))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
