// Makes the calls of a conformance test with the AWS SDK for JavaScript, which lies in the folder that is the argument.
// Standard input is {endpoint, region, key, secret, token, calls: [[operation, input], …]}; prints what came of each, in JSON.
// The handle "$" is that of the message which was received last.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const sdk = createRequire(`${process.argv[2]}/`)("@aws-sdk/client-sqs");
const { endpoint, region, key, secret, token, calls } = JSON.parse(readFileSync(0));
const client = new sdk.SQSClient({
  endpoint,
  region,
  credentials: { accessKeyId: key, secretAccessKey: secret, sessionToken: token },
  maxAttempts: 1,
});
const outcomes = [];
let handle;
for (const [operation, input] of calls) {
  if (input.ReceiptHandle === "$") input.ReceiptHandle = handle;
  try {
    const { $metadata: metadata, ...output } = await client.send(new sdk[`${operation}Command`](input));
    handle = output.Messages?.[0]?.ReceiptHandle ?? handle;
    outcomes.push({ status: metadata.httpStatusCode, output });
  } catch (error) {
    outcomes.push({ status: error.$metadata?.httpStatusCode ?? null, error: error.Error?.Code ?? error.Code ?? error.name });
  }
}
console.log(JSON.stringify(outcomes));
