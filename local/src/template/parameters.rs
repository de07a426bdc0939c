//! The parameters of a template, with their defaults or the values of `--parameter`.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::{
    wrong::Wrong,
    yaml::{Node, Value, scalar},
};

/// A parameter with its value.
#[derive(Debug)]
pub(super) struct Parameter {
    /// The value as it was written. The items of a list have commas between them.
    pub(super) value: String,
    /// Whether it stands for a list.
    pub(super) is_list: bool,
}

/// The parameters that `template` declares, with the values of `given` where there are some.
///
/// # Errors
/// [`Wrong`], when a parameter has neither default nor value, or a value that `CloudFormation` would refuse, or is not declared.
pub(super) fn values<'t>(
    template: &'t Node,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<&'t str, Parameter>, Wrong> {
    let section = template.get("Parameters");
    let declared = section.map_or(Ok(&[][..]), |node| node.entries("Parameters"))?;
    if let Some(name) = given
        .keys()
        .find(|name| declared.iter().all(|(other, _)| other != *name))
    {
        let at = section.unwrap_or(template);
        return Err(at.wrong(format!("--parameter {name}: there is no such parameter")));
    }
    let mut values = BTreeMap::new();
    for (name, declaration) in declared {
        let value = match (given.get(name), declaration.get("Default")) {
            (Some(value), _) => value.clone(),
            (None, Some(default)) => scalar(default, "a parameter's Default")?.to_owned(),
            (None, None) => {
                return Err(declaration.wrong(format!(
                    "the parameter {name} has no Default: give its value with --parameter {name}=VALUE"
                )));
            }
        };
        let is_list = check(name, declaration, &value)?;
        values.insert(name.as_str(), Parameter { value, is_list });
    }
    Ok(values)
}

/// Checks a value as `CloudFormation` does before anything else, and returns whether it is a list.
///
/// # Source
/// `CloudFormation` user guide, "Parameters section": a pattern must match the whole value, and of a list every item.
fn check(name: &str, declaration: &Node, value: &str) -> Result<bool, Wrong> {
    let text = |key: &str| declaration.get(key).map(|node| scalar(node, key)).transpose();
    let kind = text("Type")?.unwrap_or("String");
    if kind.starts_with("AWS::SSM::Parameter") {
        return Err(declaration.wrong(format!(
            "the parameter {name} is kept in Parameter Store, into which the local stack can't look"
        )));
    }
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let is_number = kind == "Number" || kind == "List<Number>";
    let refuse = |rule: String| {
        let why = declaration
            .get("ConstraintDescription")
            .map(|node| scalar(node, "ConstraintDescription"));
        let why = why.transpose()?.map_or(rule, |why| format!("it must be {why}"));
        Err(declaration.wrong(format!("the parameter {name} can't be {value:?}: {why}")))
    };
    let pattern = match declaration.get("AllowedPattern") {
        Some(node) => {
            let pattern = scalar(node, "AllowedPattern")?;
            let compiled = Regex::new(&format!(r"\A(?:{pattern})\z"));
            Some(compiled.map_err(|error| node.wrong(format!("the local stack can't use this pattern: {error}")))?)
        }
        None => None,
    };
    let bound = |key: &str| -> Result<Option<f64>, Wrong> {
        let Some(node) = declaration.get(key) else {
            return Ok(None);
        };
        let number = scalar(node, key)?.parse();
        number
            .map(Some)
            .map_err(|_| node.wrong(format!("{key} must be a number")))
    };
    let items = if is_list {
        value.split(',').map(str::trim).collect()
    } else {
        vec![value]
    };
    for item in items {
        if let Some(allowed) = declaration.get("AllowedValues") {
            let Value::List(allowed) = &allowed.value else {
                return Err(allowed.wrong("AllowedValues must be a list"));
            };
            if !allowed.iter().any(|one| one.value == Value::Text(item.to_owned())) {
                return refuse("it is none of AllowedValues".to_owned());
            }
        }
        if pattern.as_ref().is_some_and(|pattern| !pattern.is_match(item)) {
            return refuse("it doesn't match AllowedPattern".to_owned());
        }
        // A length as `f64` is exact up to 2^53, which no parameter reaches.
        let length = u32::try_from(item.chars().count()).unwrap_or(u32::MAX).into();
        for (measured, low, high) in [
            (Some(length).filter(|_| !is_number), "MinLength", "MaxLength"),
            (item.parse::<f64>().ok().filter(|_| is_number), "MinValue", "MaxValue"),
        ] {
            let Some(measured) = measured else { continue };
            if bound(low)?.is_some_and(|low| measured < low) || bound(high)?.is_some_and(|high| measured > high) {
                return refuse(format!("it is outside of {low} and {high}"));
            }
        }
        if is_number && item.parse::<f64>().is_err() {
            return refuse("it is no number".to_owned());
        }
    }
    Ok(is_list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::yaml;

    fn given(declaration: &str, value: &str) -> Result<String, String> {
        let root = yaml::parse(&format!("Parameters:\n  P: {declaration}\n")).unwrap();
        let given = BTreeMap::from([("P".to_owned(), value.to_owned())]);
        let values = values(&root, &given).map_err(|wrong| wrong.to_string())?;
        Ok(values["P"].value.clone())
    }

    #[test]
    fn a_value_takes_the_place_of_the_default_if_it_is_allowed() {
        for (declaration, good, bad) in [
            ("{Type: String, Default: a, AllowedValues: [a, b]}", "b", "c"),
            ("{Type: String, AllowedPattern: 'a|b+'}", "bbb", "abb"),
            ("{Type: String, MinLength: 2, MaxLength: 3}", "äöü", "ä"),
            ("{Type: Number, MinValue: 2, MaxValue: 10}", "10", "11"),
            ("{Type: Number}", "1.5", "x"),
            ("{Type: CommaDelimitedList, AllowedPattern: '[a-z]+'}", "a, b", "a,1"),
        ] {
            assert_eq!(given(declaration, good).as_deref(), Ok(good), "{declaration}");
            let refused = given(declaration, bad).unwrap_err();
            assert!(
                refused.starts_with("line 2, column 6: the parameter P can't be"),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_missing_or_unknown_is_named() {
        let root = yaml::parse("Parameters:\n  P: {Type: String}\n").unwrap();
        assert_eq!(
            values(&root, &BTreeMap::new()).unwrap_err().to_string(),
            "line 2, column 6: the parameter P has no Default: give its value with --parameter P=VALUE"
        );
        let unknown = BTreeMap::from([("Q".to_owned(), String::new())]);
        assert_eq!(
            values(&root, &unknown).unwrap_err().what,
            "--parameter Q: there is no such parameter"
        );
    }
}
