//! What the function `check` needs: two APIs of AWS, and how to sign a token.

use jsonwebtoken::Algorithm;

use super::{Access, ConfigError, Environment, IdentityConfig, KeySource};

/// Where deployments and functions are asked for.
#[derive(Clone, Debug)]
pub struct DeploymentsConfig {
    /// The address of CodeDeploy, or `AWS_ENDPOINT_URL_CODEDEPLOY`.
    pub codedeploy: String,
    /// The address of Lambda, or `AWS_ENDPOINT_URL_LAMBDA`.
    pub lambda: String,
    /// Lambda's own variables.
    pub access: Access,
}

impl DeploymentsConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if an address is wrong, or Lambda's own variables are missing.
    ///
    /// # Source
    /// AWS General Reference, "AWS CodeDeploy endpoints" and "AWS Lambda endpoints"; AWS SDKs and Tools Reference Guide, "Service-specific
    /// endpoints", for the two variables, by which tests put their own servers in place of AWS.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        const EXAMPLE: &str = "http://localhost:4566";
        let access = Access::from_env(env)?;
        let region = &access.region;
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let address = |variable, service: &str| {
            let given = env.url(variable, &["https", "http"], EXAMPLE)?;
            Ok(given.unwrap_or_else(|| format!("https://{service}.{region}.amazonaws.com{suffix}")))
        };
        Ok(Self {
            codedeploy: address("AWS_ENDPOINT_URL_CODEDEPLOY", "codedeploy")?,
            lambda: address("AWS_ENDPOINT_URL_LAMBDA", "lambda")?,
            access,
        })
    }
}

/// How to sign a token that the functions accept.
#[derive(Clone)]
pub struct SigningConfig {
    /// The algorithm: HS256, HS384 or HS512.
    pub algorithm: Algorithm,
    /// `SOCK_JWT_SECRET`.
    pub secret: String,
    /// The claim that names the user.
    pub user_claim: String,
    /// `iss`, if functions ask for it.
    pub issuer: Option<String>,
    /// `aud`, if functions ask for it.
    pub audience: Option<String>,
}

impl SigningConfig {
    /// Reads the concern; `None` if only the platform can sign tokens.
    ///
    /// # Errors
    /// [`ConfigError`] if a variable is missing or wrong.
    pub fn from_env(env: &Environment) -> Result<Option<Self>, ConfigError> {
        let config = match IdentityConfig::from_env(env) {
            // The keys of others are no concern of ours, so their variables are not given.
            Err(_) if env.get("SOCK_JWT_SECRET").is_none() => return Ok(None),
            config => config?,
        };
        let KeySource::Secret { current, .. } = config.key else {
            return Ok(None);
        };
        Ok(Some(Self {
            algorithm: config.algorithm,
            secret: current,
            user_claim: config.user_claim,
            issuer: config.issuers.into_iter().next(),
            audience: config.audiences.into_iter().next(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Environment {
        let lambda = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIA"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
        ];
        let all = lambda.iter().chain(variables);
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_addresses_are_those_of_the_region_unless_others_are_given() {
        let config = DeploymentsConfig::from_env(&env(&[])).unwrap();
        assert_eq!(config.codedeploy, "https://codedeploy.eu-west-1.amazonaws.com");
        let config = DeploymentsConfig::from_env(&env(&[("AWS_REGION", "cn-north-1")])).unwrap();
        assert_eq!(config.lambda, "https://lambda.cn-north-1.amazonaws.com.cn");
        let own = env(&[("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")]);
        assert_eq!(DeploymentsConfig::from_env(&own).unwrap().lambda, "http://127.0.0.1:1");
    }

    #[test]
    fn only_a_shared_secret_signs() {
        let secret = ("SOCK_JWT_SECRET", "0123456789abcdef");
        let config = SigningConfig::from_env(&env(&[secret, ("SOCK_JWT_ISSUER", "a, b")]));
        assert_eq!(config.unwrap().unwrap().issuer.as_deref(), Some("a"));
        let platforms = SigningConfig::from_env(&env(&[("SOCK_JWT_ALGORITHM", "RS256")]));
        assert!(platforms.unwrap().is_none());
        assert!(SigningConfig::from_env(&env(&[secret, ("SOCK_JWT_ALGORITHM", "HS1")])).is_err());
    }
}
