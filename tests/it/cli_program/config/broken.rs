//! Config files with one error each, and the expected position, message and fix.

/// A file with one error.
pub(crate) struct Broken {
    pub(crate) text: &'static str,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) message: &'static str,
    pub(crate) fix: &'static str,
}

const fn broken(
    text: &'static str,
    (line, column): (usize, usize),
    message: &'static str,
    fix: &'static str,
) -> Broken {
    Broken { text, line, column, message, fix }
}

pub(crate) const BROKEN: &[Broken] = &[
    // Names.
    broken("[profile.a]\ntennant = 'contoso'\n", (2, 1), "unknown key `tennant`", "did you mean `tenant`?"),
    broken("[profile.a]\ncolour = 'red'\n", (2, 1), "unknown key `colour`", "expected name, cloud, tenant"),
    broken("[profil.a]\ncloud = 'global'\n", (1, 2), "unknown key `profil`", "did you mean `profile`?"),
    broken(
        "defaultprofile = 'a'\n",
        (1, 1),
        "unknown key `defaultprofile`",
        "did you mean `default_profile`?",
    ),
    broken("x = 1\n", (1, 1), "unknown key `x`", "expected default_profile, profile"),
    broken("cloud = 'global'\n", (1, 1), "`cloud` belongs in a profile", "below a [profile.NAME] line"),
    broken("[contoso]\ncloud = 'global'\n", (1, 2), "unknown table `contoso`", "[profile.contoso]?"),
    broken("[profile.'a b']\n", (1, 10), "invalid profile name `a b`", "letters, digits, - and _"),
    broken(
        "[profile]\ntenant = 'a.io'\n",
        (2, 1),
        "profile `tenant` must be a table, not text",
        "[profile.NAME]",
    ),
    broken(
        "profile = 'a'\n",
        (1, 11),
        "`profile` must be the table of profiles, not text",
        "default_profile = \"a\"",
    ),
    broken(
        "default_profile = 'contso'\n[profile.contoso]\n",
        (1, 19),
        "no profile named `contso`",
        "did you mean `contoso`?",
    ),
    broken("default_profile = 'lab'\n", (1, 19), "no profile named `lab`", "add a table [profile.lab]"),
    // Types.
    broken("default_profile = 3\n", (1, 19), "must be text, not a whole number", "name in quotes"),
    broken("[profile.a]\nme = true\n", (2, 6), "`me` must be text, not true or false", "in quotes"),
    broken(
        "[profile.a]\ncloud = ['global']\n",
        (2, 9),
        "`cloud` must be text, not a list",
        "a single string in quotes",
    ),
    broken("[profile.a]\napi = 1.0\n", (2, 7), "`api` must be text, not a number", "in quotes"),
    broken(
        "[profile.a]\nplaintext_secrets = 'yes'\n",
        (2, 21),
        "must be true or false, not text",
        "true or false, without quotes",
    ),
    // Values.
    broken("[profile.a]\ncloud = 'globl'\n", (2, 9), "unknown cloud `globl`", "did you mean `global`?"),
    broken(
        "[profile.a]\ncloud = 'mars'\n",
        (2, 9),
        "unknown cloud `mars`",
        "expected global, usgov-l4, usgov-l5",
    ),
    broken(
        "[profile.a]\ncloud = 'china'\n",
        (2, 9),
        "does not offer the alerts API in the China",
        "usgov-l4",
    ),
    broken("[profile.a]\nauth = 'devicecode'\n", (2, 8), "`devicecode`", "did you mean `device-code`?"),
    broken("[profile.a]\napi = 'v1'\n", (2, 7), "unknown API version `v1`", "expected v1.0, beta"),
    broken(
        "[profile.a]\ntenant = 'contoso'\n",
        (2, 10),
        "`contoso` is not a valid tenant",
        "contoso.onmicrosoft.com",
    ),
    broken("[profile.a]\ntenant = 'a.io/x?'\n", (2, 10), "`a.io/x?` is not a valid tenant", "a GUID"),
    broken("[profile.a]\ntenant = 'consumers'\n", (2, 10), "personal accounts", "domain or GUID"),
    broken(
        "[profile.a]\nclient_id = '1234'\n",
        (2, 13),
        "a client ID must be a GUID",
        "Application (client) ID",
    ),
    broken("[profile.a]\ngraph_url = 'http://x.io'\n", (2, 13), "https is required", "https://"),
    broken("[profile.a]\nlogin_url = 'x.io'\n", (2, 13), "not a web address", "starting with https://"),
    broken(
        "[profile.a]\ngraph_url = 'https://a:b@x.io'\n",
        (2, 13),
        "without name, password",
        "remove the other parts",
    ),
    broken("[profile.a]\nme = ' '\n", (2, 6), "the value is empty", "remove the line"),
    // Contradictions.
    broken(
        "[profile.a]\nauth = 'command'\n",
        (2, 8),
        "`command` requires token_command",
        "add token_command",
    ),
    broken("[profile.a]\nauth = 'browser'\ntenant = 'a.io'\n", (2, 8), "requires client_id", "add client_id"),
    broken(
        "[profile.a]\nclient_id = '00000000-0000-0000-0000-00000000000a'\nauth = 'device-code'\n",
        (3, 8),
        "`device-code` requires tenant",
        "add tenant",
    ),
    broken(
        "[profile.a]\nclient_id = '00000000-0000-0000-0000-00000000000a'\nauth = 'client-secret'\ntenant = 'common'\n",
        (4, 10),
        "an application cannot sign in to `common`",
        "domain or GUID",
    ),
    broken(
        "[profile.a]\ncloud = 'usgov-l4'\ngraph_url = 'https://graph.microsoft.com'\n",
        (3, 13),
        "belongs to cloud global, but cloud is usgov-l4",
        "set cloud = \"global\"",
    ),
    broken(
        "[profile.a]\nlogin_url = 'https://login.chinacloudapi.cn'\n",
        (2, 13),
        "China",
        "usgov-l4 or usgov-l5",
    ),
    broken(
        "[profile.a]\ncertificate = 'a.pem'\nclient_secret_file = 'b'\n",
        (2, 15),
        "certificate and client_secret_file are both set",
        "keep one",
    ),
    // Secrets.
    broken(
        "[profile.a]\nclient_secret = 'canary-1'\n",
        (2, 1),
        "secrets do not belong in this file",
        "ALERTDECK_CLIENT_SECRET",
    ),
    broken(
        "[profile.a]\naccess_token = 'canary-1'\n",
        (2, 1),
        "secrets do not belong in this file",
        "ALERTDECK_TOKEN",
    ),
    broken("password = 'canary-1'\n", (1, 1), "secrets do not belong in this file", "client_secret_file"),
    broken(
        "[profile.a]\nrefresh_token = 'canary-1\n",
        (2, 26),
        "the closing quote is missing",
        "close the quotes",
    ),
    // Syntax.
    broken("[profile.a\ncloud = 'global'\n", (1, 11), "unclosed table", "close it with `]`"),
    broken("[profile.a]\ncloud = global\n", (2, 9), "text must be quoted", "put the value in quotes"),
    broken("[profile.a]\ncloud\n", (2, 6), "key with no value", "key = \"value\""),
    broken("[profile.a]\ncloud = \n", (2, 9), "missing value", "key = \"value\""),
    broken("[profile.a]\napi = 'beta'\napi = 'v1.0'\n", (3, 1), "duplicate key", "keep one"),
    broken("[profile.a]\n[profile.b]\n[profile.a]\n", (3, 10), "duplicate key", "can appear only once"),
    broken(
        "[profile.a]\ncertificate = \"C:\\key.pem\"\n",
        (2, 19),
        "invalid escape sequence",
        "single quotes",
    ),
    broken(
        "profile = 'a'\n[profile.b]\n",
        (1, 11),
        "`profile` must be the table of profiles, not text",
        "default_profile = \"a\"",
    ),
    broken("[profile.a]\nme = 'a\u{7}b'\n", (2, 8), "control characters are not allowed", "remove it"),
    // Positions.
    broken("\u{feff}x = 1\n", (1, 1), "unknown key `x`", "expected default_profile"),
    broken(
        "\u{feff}# ä\r\n\r\n[profile.a]\r\ntennant = 'ä'\r\n",
        (4, 1),
        "unknown key `tennant`",
        "`tenant`",
    ),
    broken(
        "[profile.a]\nme = '日本' # é\n  tenant = 'é x'\n",
        (3, 12),
        "`é x` is not a valid tenant",
        "a GUID",
    ),
    broken(
        "profile.a = { me = '日本', cloud = 'mars' }\n",
        (1, 34),
        "unknown cloud `mars`",
        "expected global",
    ),
];
