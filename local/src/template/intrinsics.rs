//! `CloudFormation`'s intrinsic functions, as far as routes and environments use them.
//!
//! What exists only after a deployment (an API's id, an ARN) gets a stand-in of the same form.

use std::collections::BTreeMap;

use super::{
    parameters::{self, Parameter},
    wrong::Wrong,
    yaml::{Node, Value, scalar},
};
use crate::aws::stand_ins::{ACCOUNT, REGION, function_arn, queue_arn, queue_path};

/// What an expression may refer to.
#[derive(Debug)]
pub struct Scope<'a> {
    parameters: BTreeMap<&'a str, Parameter>,
    conditions: BTreeMap<&'a str, &'a Node>,
    mappings: Option<&'a Node>,
    /// The resources, with their types.
    resources: BTreeMap<&'a str, &'a str>,
}

impl<'a> Scope<'a> {
    /// The scope of a template: its parameters at their defaults or at the values that are `given`, its conditions and its
    /// resources.
    ///
    /// # Errors
    /// [`Wrong`], when one of these sections isn't a mapping, or a parameter has no value, or a value that isn't allowed.
    pub fn new(template: &'a Node, given: &BTreeMap<String, String>) -> Result<Self, Wrong> {
        let section = |name: &str| template.get(name).map_or(Ok(&[][..]), |node| node.entries(name));
        let parameters = parameters::values(template, given)?;
        Ok(Self {
            parameters,
            conditions: section("Conditions")?
                .iter()
                .map(|(name, node)| (name.as_str(), node))
                .collect(),
            mappings: template.get("Mappings"),
            resources: section("Resources")?
                .iter()
                .map(|(name, node)| (name.as_str(), kind(node)))
                .collect(),
        })
    }

    /// The node itself, or the branch that its `Fn::If` chooses; `None` for `AWS::NoValue`.
    ///
    /// # Errors
    /// [`Wrong`], when the condition can't be evaluated.
    pub fn choose<'n>(&self, node: &'n Node) -> Result<Option<&'n Node>, Wrong> {
        match node.call() {
            Some(("Fn::If", argument)) => match list(argument, "Fn::If")? {
                [name, yes, no] => self.choose(if self.named_condition(name)? { yes } else { no }),
                _ => Err(argument.wrong("Fn::If takes a condition and two values")),
            },
            Some(("Ref", argument)) if argument.value == Value::Text("AWS::NoValue".to_owned()) => Ok(None),
            _ => Ok(Some(node)),
        }
    }

    /// The text that a node stands for; `None` for `AWS::NoValue`.
    ///
    /// # Errors
    /// [`Wrong`], when it isn't text, or calls a function that we don't know.
    pub fn text(&self, node: &Node) -> Result<Option<String>, Wrong> {
        let Some(node) = self.choose(node)? else {
            return Ok(None);
        };
        let Some((function, argument)) = node.call() else {
            return scalar(node, "this").map(|text| Some(text.to_owned()));
        };
        let text = match function {
            "Ref" => self.reference(argument, scalar(argument, "Ref")?)?,
            "Fn::Sub" => self.substitute(argument)?,
            "Fn::GetAtt" => match &argument.value {
                Value::List(parts) => {
                    let parts: Result<Vec<_>, _> = parts.iter().map(|part| scalar(part, "Fn::GetAtt")).collect();
                    self.reference(argument, &parts?.join("."))?
                }
                _ => self.reference(argument, scalar(argument, "Fn::GetAtt")?)?,
            },
            "Fn::Join" => match list(argument, "Fn::Join")? {
                [separator, items] => self.texts(items)?.join(scalar(separator, "Fn::Join's separator")?),
                _ => return Err(argument.wrong("Fn::Join takes a separator and a list")),
            },
            "Fn::Select" => match list(argument, "Fn::Select")? {
                [index, items] => {
                    let position = self.required(index)?.parse::<usize>().ok();
                    let chosen = position.and_then(|position| self.texts(items).ok()?.into_iter().nth(position));
                    chosen.ok_or_else(|| index.wrong("Fn::Select: there is no such item"))?
                }
                _ => return Err(argument.wrong("Fn::Select takes an index and a list")),
            },
            "Fn::FindInMap" => self.find_in_map(argument)?,
            other => return Err(node.wrong(format!("the local stack doesn't know {other}"))),
        };
        Ok(Some(text))
    }

    /// The text that a node stands for, which must not be `AWS::NoValue`.
    ///
    /// # Errors
    /// [`Wrong`], as [`Scope::text`].
    pub fn required(&self, node: &Node) -> Result<String, Wrong> {
        self.text(node)?.ok_or_else(|| node.wrong("a value is needed here"))
    }

    /// Whether the condition called `name` holds; `at` is where the name stands.
    ///
    /// # Errors
    /// [`Wrong`], when there is no such condition or it can't be evaluated, for example because it uses itself.
    pub fn named_condition(&self, at: &Node) -> Result<bool, Wrong> {
        self.named_condition_within(at, &[])
    }

    /// The same, for a condition that the conditions `under_way` use.
    fn named_condition_within(&self, at: &Node, under_way: &[&str]) -> Result<bool, Wrong> {
        let name = scalar(at, "a condition's name")?;
        if under_way.contains(&name) {
            let circle = [under_way, &[name]].concat().join(", ");
            return Err(at.wrong(format!("conditions go in a circle: {circle}")));
        }
        match self.conditions.get(name) {
            Some(condition) => self.condition(condition, &[under_way, &[name]].concat()),
            None => Err(at.wrong(format!("there is no condition {name}"))),
        }
    }

    fn condition(&self, node: &Node, under_way: &[&str]) -> Result<bool, Wrong> {
        let Some((function, argument)) = node.call() else {
            return Err(node.wrong("a condition is one of Fn::Equals, Fn::Not, Fn::And, Fn::Or and Condition"));
        };
        match (function, &argument.value) {
            ("Condition", _) => self.named_condition_within(argument, under_way),
            ("Fn::Equals", Value::List(items)) => match items.as_slice() {
                [left, right] => Ok(self.required(left)? == self.required(right)?),
                _ => Err(argument.wrong("Fn::Equals takes two values")),
            },
            ("Fn::Not", Value::List(items)) => match items.as_slice() {
                [one] => Ok(!self.condition(one, under_way)?),
                _ => Err(argument.wrong("Fn::Not takes one condition")),
            },
            ("Fn::And", Value::List(items)) => items
                .iter()
                .try_fold(true, |all, item| Ok(self.condition(item, under_way)? && all)),
            ("Fn::Or", Value::List(items)) => items
                .iter()
                .try_fold(false, |any, item| Ok(self.condition(item, under_way)? || any)),
            _ => Err(node.wrong(format!("the local stack doesn't know the condition {function}"))),
        }
    }

    /// The texts that a list stands for, without those that are `AWS::NoValue`.
    ///
    /// # Errors
    /// [`Wrong`], when it isn't a list of texts.
    pub fn texts(&self, node: &Node) -> Result<Vec<String>, Wrong> {
        let Some(node) = self.choose(node)? else {
            return Ok(Vec::new());
        };
        if let Some(("Ref", argument)) = node.call() {
            let parameter = self.parameters.get(scalar(argument, "Ref")?);
            return match parameter.filter(|parameter| parameter.is_list) {
                Some(list) => Ok(list.value.split(',').map(|item| item.trim().to_owned()).collect()),
                None => Err(argument.wrong("a list is needed here, and this parameter is none")),
            };
        }
        if let Some(("Fn::Split", argument)) = node.call() {
            return match list(argument, "Fn::Split")? {
                [separator, source] => {
                    let separator = scalar(separator, "Fn::Split's separator")?;
                    Ok(self.required(source)?.split(separator).map(str::to_owned).collect())
                }
                _ => Err(argument.wrong("Fn::Split takes a separator and a text")),
            };
        }
        let items = list(node, "this")?.iter().map(|item| self.text(item));
        items.filter_map(Result::transpose).collect()
    }

    fn find_in_map(&self, argument: &Node) -> Result<String, Wrong> {
        let path: Result<Vec<_>, _> = list(argument, "Fn::FindInMap")?
            .iter()
            .map(|key| self.required(key))
            .collect();
        let path = path?;
        let found = self
            .mappings
            .and_then(|mappings| path.iter().try_fold(mappings, |node, key| node.get(key)));
        match found {
            Some(node) => self.required(node),
            None => Err(argument.wrong(format!("there is no {} in Mappings", path.join(".")))),
        }
    }

    /// `${A}`, `${A.Arn}` and `${!literal}` in a text, with variables of its own in the list form.
    fn substitute(&self, argument: &Node) -> Result<String, Wrong> {
        let (template, own) = match &argument.value {
            Value::List(items) => match items.as_slice() {
                [template, own] => (template, own.entries("Fn::Sub's variables")?),
                _ => return Err(argument.wrong("Fn::Sub takes a text and a mapping")),
            },
            _ => (argument, &[][..]),
        };
        let mut rest = scalar(template, "Fn::Sub")?;
        let mut result = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return Err(template.wrong("Fn::Sub: a ${ has no }"));
            };
            result.push_str(before);
            match (name.strip_prefix('!'), own.iter().find(|(key, _)| key == name)) {
                (Some(literal), _) => result.extend(["${", literal, "}"]),
                (None, Some((_, value))) => result.push_str(&self.required(value)?),
                (None, None) => result.push_str(&self.reference(template, name)?),
            }
            rest = after;
        }
        Ok(result + rest)
    }

    /// What `Ref` (a name) or `GetAtt` (a name, a dot and an attribute) gives.
    fn reference(&self, at: &Node, name: &str) -> Result<String, Wrong> {
        if let Some(parameter) = self.parameters.get(name) {
            return if parameter.is_list {
                Err(at.wrong(format!("{name} is a list, and text is needed here")))
            } else {
                Ok(parameter.value.clone())
            };
        }
        let pseudo = match name {
            "AWS::Region" => Some(REGION),
            "AWS::AccountId" => Some(ACCOUNT),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            "AWS::StackName" => Some("senna"),
            "AWS::StackId" => Some("arn:aws:cloudformation:us-east-1:123456789012:stack/senna/local"),
            _ => None,
        };
        if let Some(value) = pseudo {
            return Ok(value.to_owned());
        }
        let (resource, attribute) = name
            .split_once('.')
            .map_or((name, None), |(name, rest)| (name, Some(rest)));
        let Some(kind) = self.resources.get(resource) else {
            return Err(at.wrong(format!("there is no parameter or resource {resource}")));
        };
        Ok(match attribute {
            None if *kind == "AWS::SQS::Queue" => {
                format!("https://sqs.{REGION}.amazonaws.com{}", queue_path(resource))
            }
            Some("Arn") if *kind == "AWS::SQS::Queue" => queue_arn(resource),
            Some("QueueName") | None => resource.to_owned(),
            // A call of an alias is a call of the function: here there is only one version.
            Some("Arn" | "Alias") => function_arn(resource),
            Some(attribute) => format!("{resource}.{attribute}"),
        })
    }
}

/// The type of a resource; empty if it has none.
fn kind(resource: &Node) -> &str {
    let kind = resource.get("Type").map(|kind| &kind.value);
    match kind {
        Some(Value::Text(kind)) => kind,
        _ => "",
    }
}

fn list<'n>(node: &'n Node, what: &str) -> Result<&'n [Node], Wrong> {
    match &node.value {
        Value::List(items) => Ok(items),
        _ => Err(node.wrong(format!("{what} needs a list"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::yaml;

    /// Evaluates `expression` in a template that has a little of everything.
    fn text(expression: &str) -> Result<Option<String>, String> {
        let source = format!(
            "Parameters:
  Name: {{Default: a-b}}
  Empty: {{Default: ''}}
  Many: {{Type: CommaDelimitedList, Default: 'a, b'}}
Conditions:
  HasName: !Not [!Equals [!Ref Name, '']]
  HasBoth: !And [!Condition HasName, !Not [!Equals [!Ref Empty, '']]]
  HasOne: !Or [!Condition HasName, !Condition HasBoth]
  Chicken: !Not [!Condition Egg]
  Egg: !Or [!Condition HasName, !Condition Chicken]
Mappings:
  Sizes: {{small: {{memory: 128}}}}
Resources:
  Api: {{}}
  Jobs: {{Type: AWS::SQS::Queue}}
Value: {expression}
"
        );
        let root = yaml::parse(&source).unwrap();
        let scope = Scope::new(&root, &BTreeMap::new()).unwrap();
        scope.text(root.get("Value").unwrap()).map_err(|wrong| wrong.what)
    }

    #[test]
    fn each_function_gives_what_cloudformation_gives() {
        for (expression, expected) in [
            ("plain", "plain"),
            ("!Ref Name", "a-b"),
            (
                "!Sub 'https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/live'",
                "https://Api.execute-api.us-east-1.amazonaws.com/live",
            ),
            (
                "!Sub '${!literal} ${Api.Arn}'",
                "${literal} arn:aws:lambda:us-east-1:123456789012:function:Api",
            ),
            ("!Ref Jobs", "https://sqs.us-east-1.amazonaws.com/123456789012/Jobs"),
            ("!GetAtt Jobs.Arn", "arn:aws:sqs:us-east-1:123456789012:Jobs"),
            ("!Sub ['${X}/${Name}', {X: !Ref Api}]", "Api/a-b"),
            ("!GetAtt Api.Arn", "arn:aws:lambda:us-east-1:123456789012:function:Api"),
            ("!Ref Api.Alias", "arn:aws:lambda:us-east-1:123456789012:function:Api"),
            ("{Fn::GetAtt: [Api, Endpoint.Address]}", "Api.Endpoint.Address"),
            ("!Join ['-', [x, !Ref AWS::NoValue, !Ref Name]]", "x-a-b"),
            ("!Select [1, !Split ['-', !Ref Name]]", "b"),
            ("!Join ['+', !Ref Many]", "a+b"),
            ("!Select [1, !Ref Many]", "b"),
            ("!If [HasName, yes, no]", "yes"),
            ("!If [HasBoth, yes, no]", "no"),
            ("!If [HasOne, !If [HasBoth, 1, 2], 3]", "2"),
            ("!FindInMap [Sizes, small, memory]", "128"),
        ] {
            assert_eq!(
                text(expression).as_ref().map(Option::as_deref),
                Ok(Some(expected)),
                "{expression}"
            );
        }
        assert_eq!(text("!If [HasBoth, 1, !Ref AWS::NoValue]"), Ok(None));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        assert_eq!(
            text("!Ref Nobody").unwrap_err(),
            "there is no parameter or resource Nobody"
        );
        assert_eq!(
            text("!Ref Many").unwrap_err(),
            "Many is a list, and text is needed here"
        );
        assert_eq!(
            text("!ImportValue x").unwrap_err(),
            "the local stack doesn't know Fn::ImportValue"
        );
        assert_eq!(
            text("!If [Nothing, 1, 2]").unwrap_err(),
            "there is no condition Nothing"
        );
        assert_eq!(
            text("!If [Chicken, 1, 2]").unwrap_err(),
            "conditions go in a circle: Chicken, Egg, Chicken"
        );
        assert_eq!(text("!Sub '${Name'").unwrap_err(), "Fn::Sub: a ${ has no }");
        assert_eq!(text("[1, 2]").unwrap_err(), "this must be plain text");
    }
}
