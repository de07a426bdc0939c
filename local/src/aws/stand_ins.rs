//! The account, the Region and the keys that stand in for real ones.

/// The account.
pub const ACCOUNT: &str = "123456789012";
/// The Region.
pub const REGION: &str = "us-east-1";

/// The key id that functions get. `--sigv4` accepts no other.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "local";
/// The token of [`ACCESS_KEY_ID`]: a function's keys are temporary ones.
pub const SESSION_TOKEN: &str = "local";

/// The stand-in for the ARN of the function `logical_id`.
pub fn function_arn(logical_id: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{logical_id}")
}

/// The stand-in for the ARN of the queue `logical_id`.
pub fn queue_arn(logical_id: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{logical_id}")
}

/// The path of the URL of the queue `name`, as SQS makes it.
pub fn queue_path(name: &str) -> String {
    format!("/{ACCOUNT}/{name}")
}
