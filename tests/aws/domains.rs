//! Host names of one's own: what leads where.

use std::{collections::BTreeMap, fs};

use local::template::{intrinsics::Scope, yaml};
use serde_json::{Value, json};
use tests::root;

use crate::support::{expansion, of_type, referred, run, template, template_text, tool};

/// The stage of each API, which is part of no path behind a mapping.
const STAGES: [(&str, &str); 2] = [("RestApi", "$default"), ("SocketApi", "live")];

/// The outputs that there are with these values of parameters.
fn outputs(values: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut text = template_text();
    for (name, value) in values {
        let before = format!("  {name}:\n    Type: String\n    Default: \"\"\n");
        assert!(text.contains(&before), "{name} is declared in another way now");
        text = text.replace(&before, &before.replace("\"\"", &format!("{value:?}")));
    }
    let root = yaml::parse(&text).unwrap();
    let scope = Scope::new(&root, &BTreeMap::new()).unwrap();
    let outputs = root.get("Outputs").unwrap().entries("Outputs").unwrap().iter();
    let addresses =
        outputs.filter(|(name, _)| ["RestAddress", "SocketAddress", "PushEndpoint"].contains(&name.as_str()));
    addresses
        .map(|(name, output)| (name.clone(), scope.required(output.get("Value").unwrap()).unwrap()))
        .collect()
}

#[test]
fn outputs_name_the_addresses_that_clients_use() {
    let without = outputs(&[]);
    let with = outputs(&[("ApiDomain", "api.example.com"), ("SocketDomain", "live.example.com")]);
    assert_eq!(with["RestAddress"], "https://api.example.com/api");
    assert_eq!(with["SocketAddress"], "wss://live.example.com");
    // Pushes stay where they were: a name of one's own has no stage in its path, and the role's rights name the API itself.
    assert_eq!(with["PushEndpoint"], without["PushEndpoint"]);
    for address in without.values() {
        assert!(address.contains("execute-api"), "{address}");
    }
}

/// The whole API is at the name's root, so a path is the same at both of its addresses, but for the stage.
#[test]
fn a_name_leads_to_the_stage_that_clients_use_without_it() {
    let Some(expansion) = expansion("url") else { return };
    let names = of_type(expansion, "AWS::ApiGatewayV2::DomainName");
    let mappings = of_type(expansion, "AWS::ApiGatewayV2::ApiMapping");
    let stages = of_type(expansion, "AWS::ApiGatewayV2::Stage");
    let mapped: BTreeMap<_, _> = mappings
        .values()
        .map(|mapping| {
            assert_eq!(mapping.get("ApiMappingKey"), None);
            let stage = stages[referred(&mapping["Stage"])];
            assert_eq!(stage["ApiId"], mapping["ApiId"]);
            let name = names[referred(&mapping["DomainName"])];
            (
                referred(&mapping["ApiId"]),
                (&stage["StageName"], referred(&name["DomainName"])),
            )
        })
        .collect();
    let [rest, socket] = STAGES.map(|(api, stage)| (api, json!(stage)));
    assert_eq!(mapped[rest.0], (&rest.1, "ApiDomain"));
    assert_eq!(mapped[socket.0], (&socket.1, "SocketDomain"));
    for (id, name) in names {
        let settings = &name["DomainNameConfigurations"][0];
        // An AAAA record of a name that has no IPv6 addresses would lead nowhere.
        assert_eq!(settings["IpAddressType"], "dualstack", "{id}");
        assert_eq!(settings["EndpointType"], "REGIONAL", "{id}");
    }
    let records = &of_type(expansion, "AWS::Route53::RecordSetGroup")["DomainRecords"]["RecordSets"];
    let records: Vec<_> = records.as_array().unwrap().iter().collect();
    let kinds: Vec<_> = records
        .iter()
        .map(|record| (referred(&record["Name"]), record["Type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("ApiDomain", "A"),
            ("ApiDomain", "AAAA"),
            ("SocketDomain", "A"),
            ("SocketDomain", "AAAA")
        ]
    );
    for kind in [
        "AWS::ApiGatewayV2::DomainName",
        "AWS::ApiGatewayV2::ApiMapping",
        "AWS::Route53::RecordSetGroup",
    ] {
        for id in of_type(expansion, kind).into_keys() {
            let condition = &expansion["Resources"][id]["Condition"];
            assert!(
                condition == "WithDomains" || condition == "WithZone",
                "{id}: {condition}"
            );
        }
    }
}

/// What another stack says, as the application's own template would: with its own APIs.
fn as_own(value: &Value) -> Value {
    let imported = value["Fn::ImportValue"]["Fn::Sub"].as_str();
    if let Some(api) = imported.and_then(|name| name.strip_prefix("${Application}-")) {
        return json!({"Ref": api});
    }
    match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), as_own(value))).collect(),
        Value::Array(items) => items.iter().map(as_own).collect(),
        other => other.clone(),
    }
}

/// A further site has the same two names in a stack of its own, which takes the APIs from what the application exports.
#[test]
fn further_sites_have_names_of_the_same_kind() {
    let (Some(expansion), Some(mut python), Some(mut lint)) = (expansion("url"), tool("python"), tool("cfn-lint"))
    else {
        return;
    };
    let to_json =
        "import json, sys; from samcli.yamlhelper import yaml_parse; print(json.dumps(yaml_parse(sys.stdin.read())))";
    let file = fs::File::open(root().join("functions/domain.yaml")).unwrap();
    python.args(["-c", to_json]).stdin(file);
    let further: Value = serde_json::from_str(&run(python)).unwrap();
    let further = further["Resources"].as_object().unwrap();
    assert_eq!(further.len(), 5);
    for (id, resource) in further {
        let mut own = expansion["Resources"][id]["Properties"].clone();
        if let Some((_, stage)) = STAGES.iter().find(|(api, _)| own["ApiId"] == json!({"Ref": api})) {
            // Here the stage is one of another stack.
            own["Stage"] = json!(stage);
        }
        assert_eq!(as_own(&resource["Properties"]), own, "{id}");
    }
    for (api, _) in STAGES {
        let export = &expansion["Outputs"][api];
        assert_eq!(export["Value"], json!({"Ref": api}));
        assert_eq!(
            export["Export"]["Name"],
            json!({"Fn::Sub": format!("${{AWS::StackName}}-{api}")})
        );
    }
    lint.arg("functions/domain.yaml");
    assert_eq!(run(lint), "");
}

/// API Gateway says in `domainName` by which name a client came, and functions must not push there.
#[test]
fn functions_push_to_the_api_and_not_to_a_name() {
    let Some(expansion) = expansion("url") else { return };
    let functions = of_type(expansion, "AWS::Lambda::Function");
    let pushing = template().functions.into_iter();
    let pushing = pushing.filter(|(_, function)| function.environment.contains_key("SOCK_PUSH_ENDPOINT"));
    for (id, _) in pushing {
        let endpoint = &functions[id.as_str()]["Environment"]["Variables"]["SOCK_PUSH_ENDPOINT"];
        assert_eq!(*endpoint, expansion["Outputs"]["PushEndpoint"]["Value"], "{id}");
    }
}
