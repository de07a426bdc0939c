// Makes the calls of a conformance test with the AWS SDK for JavaScript, which lies in the folder that is the argument.
// Standard input is {endpoint, region, key, secret, token, calls: [[operation, id, data], …]}; prints what came of each, in JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const sdk = createRequire(`${process.argv[2]}/`)("@aws-sdk/client-apigatewaymanagementapi");
const { endpoint, region, key, secret, token, calls } = JSON.parse(readFileSync(0));
const client = new sdk.ApiGatewayManagementApiClient({
  endpoint,
  region,
  credentials: { accessKeyId: key, secretAccessKey: secret, sessionToken: token },
  maxAttempts: 1,
});
const commands = {
  post: (ConnectionId, Data) => new sdk.PostToConnectionCommand({ ConnectionId, Data }),
  get: (ConnectionId) => new sdk.GetConnectionCommand({ ConnectionId }),
  delete: (ConnectionId) => new sdk.DeleteConnectionCommand({ ConnectionId }),
};
const outcomes = [];
for (const [operation, id, data] of calls) {
  try {
    const output = await client.send(commands[operation](id, data));
    outcomes.push({
      status: output.$metadata.httpStatusCode,
      connectedAt: output.ConnectedAt?.getTime() ?? null,
      sourceIp: output.Identity?.SourceIp ?? null,
    });
  } catch (error) {
    outcomes.push({ status: error.$metadata?.httpStatusCode ?? null, error: error.name });
  }
}
console.log(JSON.stringify(outcomes));
