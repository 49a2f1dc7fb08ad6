"""Evaluates the CloudFormation templates and Terraform modules of examples/, and creates their roles.

Neither service is simulated: this knows just the functions that the templates use, and fails at any
other.
"""

import json
import re
from dataclasses import dataclass

import hcl2
from examples import EXAMPLES


@dataclass
class Role:
    name: str
    trust: dict
    # The names of its policies.
    policies: list


@dataclass
class Side:
    """What a template or module makes in one account."""

    policies: dict  # documents by name
    roles: list
    launch_roles: list  # names of roles that get the launch policy
    launch_policy: str  # its name

    def create(self, iam):
        arns = {}
        for name, document in self.policies.items():
            made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
            arns[name] = made["Policy"]["Arn"]
        for role in self.roles:
            iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=json.dumps(role.trust))
            assert len(role.policies) <= 10, f"{role.name}: AWS attaches ten policies to a role"
            for name in role.policies:
                iam.attach_role_policy(RoleName=role.name, PolicyArn=arns[name])
        for name in self.launch_roles:
            iam.attach_role_policy(RoleName=name, PolicyArn=arns[self.launch_policy])


class Stack:
    """A CloudFormation template with parameters."""

    NONE = object()

    def __init__(self, template, account, parameters):
        self.template = json.loads(template)
        declared = self.template["Parameters"]
        assert parameters.keys() <= declared.keys(), parameters.keys() - declared.keys()
        self.values = {"AWS::AccountId": account, "AWS::NoValue": self.NONE}
        for name, parameter in declared.items():
            value = parameters.get(name, parameter.get("Default"))
            assert value is not None, f"the parameter {name} has no default"
            assert value in parameter.get("AllowedValues", [value]), f"{name}: {value}"
            is_list = parameter["Type"] == "CommaDelimitedList"
            self.values[name] = value.split(",") if is_list else value

    def condition(self, name):
        return self.value(self.template["Conditions"][name])

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not self.NONE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, given),) = node.items()
            if function == "Ref":
                # A policy is known by the name of its resource.
                return self.values[given] if given in self.values else given
            if function == "Condition" and isinstance(given, str):
                return self.condition(given)
            if function.startswith("Fn::"):
                return getattr(self, function[4:].lower() + "_")(given)
        filled = {name: self.value(part) for name, part in node.items()}
        return {name: part for name, part in filled.items() if part is not self.NONE}

    def if_(self, given):
        condition, yes, no = given
        return self.value(yes if self.condition(condition) else no)

    def equals_(self, given):
        one, other = map(self.value, given)
        return one == other

    def not_(self, given):
        return not self.value(given[0])

    def or_(self, given):
        return any(map(self.value, given))

    def contains_(self, given):
        return self.value(given[1]) in self.value(given[0])

    def join_(self, given):
        return given[0].join(self.value(given[1]))

    def split_(self, given):
        return self.value(given[1]).split(given[0])

    def sub_(self, text):
        return re.sub(r"\$\{([^}]+)\}", lambda match: self.values[match[1]], text)

    def side(self):
        for rule in self.template.get("Rules", {}).values():
            if self.value(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    assert self.value(assertion["Assert"]), assertion["AssertDescription"]
        made = Side({}, [], [], self.values.get("LaunchPolicyName"))
        names = {}
        for id, resource in self.template["Resources"].items():
            if "Condition" in resource and not self.condition(resource["Condition"]):
                continue
            properties = self.value(resource["Properties"])
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                names[id] = properties.get("ManagedPolicyName", id)
                made.policies[names[id]] = properties["PolicyDocument"]
                made.launch_roles += properties.get("Roles", [])
            else:
                attached = [names[id] for id in properties["ManagedPolicyArns"]]
                trust = properties["AssumeRolePolicyDocument"]
                made.roles.append(Role(properties["RoleName"], trust, attached))
        return made


class Map(dict):
    """An object of Terraform, whose members are attributes too."""

    __getattr__ = dict.__getitem__


class Module:
    """A Terraform module with variables."""

    FUNCTIONS = {
        "__builtins__": {},
        "concat": lambda *lists: sum(map(list, lists), []),
        "contains": lambda values, value: value in values,
        "flatten": lambda lists: [value for values in lists for value in values],
        "length": len,
        "values": lambda members: members.values(),
    }

    def __init__(self, name, account, variables):
        parsed = hcl2.loads((EXAMPLES / f"terraform/{name}/main.tf").read_text())
        self.documents, self.resources = {}, []
        self.names = {"var": Map(), "local": Map(account=account, partition="aws")}
        declared = {}
        for block in parsed["variable"]:
            declared |= {name.strip('"'): variable for name, variable in block.items()}
        assert variables.keys() <= declared.keys(), variables.keys() - declared.keys()
        for name, variable in declared.items():
            given = variables.get(name)
            self.names["var"][name] = self.value(variable["default"]) if given is None else given
        for variable in declared.values():
            for check in variable.get("validation", []):
                assert self.value(check["condition"]), check["error_message"]
        for block in parsed["locals"]:
            for name, expression in block.items():
                if not name.startswith("__") and "aws_" not in json.dumps(expression):
                    self.names["local"][name] = self.value(expression)
        for block in parsed["data"]:
            for kind, blocks in block.items():
                if kind == '"aws_iam_policy_document"':
                    self.documents |= {name.strip('"'): body for name, body in blocks.items()}
        for block in parsed["resource"]:
            for kind, blocks in block.items():
                ((name, body),) = blocks.items()
                self.resources.append((kind.strip('"'), name.strip('"'), body))

    def value(self, node):
        if isinstance(node, list):
            return [self.value(part) for part in node]
        if isinstance(node, dict):
            return Map((name.strip('"'), self.value(part)) for name, part in node.items())
        if not isinstance(node, str):
            return node
        whole = re.fullmatch(r"\$\{(.*)\}", node, re.DOTALL)
        expression = whole[1] if whole else node
        return eval(self.in_python(expression), self.FUNCTIONS | self.names)

    def in_python(self, text):
        """Writes an expression of Terraform as one of Python."""
        # Only strings outside of other expressions have members to fill in.
        text = re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: self.string(match[1]), text)
        text = re.sub(r"\[for (\w+) in ([\w.]+) : ([^\]]*)\]", r"[\3 for \1 in \2]", text)
        text = text.replace("&&", " and ").replace("||", " or ")
        return re.sub(r"^(.*?) \? (.*) : (.*)$", r"(\2) if (\1) else (\3)", text)

    @staticmethod
    def string(text):
        return "f" + json.dumps(text.replace("${", "{"))

    def document(self, name):
        statements = []
        body = self.documents[name]
        # A trust policy is made of others, as far as there is something to trust.
        for other in re.findall(r"(\S+ [!=]= \S+) \? \[\] : \[data\.\w+\.(\w+)\.json\]",
                                body.get("source_policy_documents", "")):  # fmt: skip
            if not self.value("${" + other[0].removeprefix("${concat(") + "}"):
                statements += self.document(other[1])["Statement"]
        for statement in body.get("statement", []):
            statements.append(self.statement(statement))
        return {"Version": "2012-10-17", "Statement": statements}

    def statement(self, block):
        made = {"Sid": self.value(block["sid"]), "Action": self.value(block["actions"])}
        made["Effect"] = self.value(block.get("effect", '"Allow"'))
        if "resources" in block:
            made["Resource"] = self.value(block["resources"])
        for principals in block.get("principals", []):
            identifiers = self.value(principals["identifiers"])
            made["Principal"] = {self.value(principals["type"]): identifiers}
        for condition in block.get("condition", []):
            of_test = made.setdefault("Condition", {}).setdefault(self.value(condition["test"]), {})
            of_test[self.value(condition["variable"])] = self.value(condition["values"])
        return made

    def side(self):
        variables = self.names["var"]
        launch_roles = variables.get("launch_role_names", [])
        made = Side({}, [], launch_roles, variables.get("launch_policy_name"))
        names = {}
        for kind, name, body in self.resources:
            if "count" in body and not self.value(body["count"]):
                continue
            if kind == "aws_iam_policy":
                full_name = self.value(body["name"])
                # local.arns knows a policy by the name that the resource's count asks for.
                names[re.search(r'local\.created, "([\w-]+)"', body["count"])[1]] = full_name
                made.policies[full_name] = self.document(name)
        for kind, name, body in self.resources:
            if kind == "aws_iam_role" and self.value(body["count"]):
                trust = re.search(r"aws_iam_policy_document\.(\w+)\.json", body["assume_role_policy"])
                attached = [names[policy] for policy in self.names["local"]["roles"][name]]
                role = Role(self.value(body["name"]), self.document(trust[1]), attached)
                made.roles.append(role)
        return made


def find_sides(kind, account, target, keys, preset, launch_roles):
    """Returns both sides by `cloudformation` or `terraform`, with the same values."""
    if kind == "terraform":
        source = Module(
            "source",
            account,
            {
                "preset": preset,
                "key_arns": keys,
                "target_accounts": [target],
                "github_repository": "OWNER/REPO",
                "trusted_arns": [f"arn:aws:iam::{account}:root"],
            },
        )
        other = Module(
            "target",
            target,
            {
                "preset": preset,
                "source_account": account,
                "key_arns": keys,
                "external_id": "example",
                "launch_role_names": launch_roles,
            },
        )
        return source.side(), other.side()
    source = Stack(
        (EXAMPLES / "cloudformation/source.json").read_text(),
        account,
        {
            "Preset": preset,
            "KeyArns": ",".join(keys),
            "TargetAccounts": target,
            "GitHubRepository": "OWNER/REPO",
            "TrustedArns": f"arn:aws:iam::{account}:root",
        },
    )
    other = Stack(
        (EXAMPLES / "cloudformation/target.json").read_text(),
        target,
        {
            "Preset": preset,
            "SourceAccount": account,
            "KeyArns": ",".join(keys),
            "ExternalId": "example",
            "LaunchRoleNames": ",".join(launch_roles),
        },
    )
    return source.side(), other.side()
