/**
 * What an organisation begins with. To read, to change, to command and to disclose secrets are apart: no role but the
 * administrator's has them together. Texts are Cedar (https://docs.cedarpolicy.com, language 4).
 */

const ADMINISTRATOR = `// Everything, there where the role is given. Whoever has it for the organisation decides who may do what in it.
permit (principal in Role::"administrator", action, resource);
`

const MANUFACTURER = `// Brings manifests of devices in, and sees what became of them.
permit (
  principal in Role::"manufacturer",
  action in [Action::"supply:read", Action::"supply:manufacture", Action::"model:read"],
  resource
);
`

const DEVELOPER = `// Writes models, and sees what devices send. Neither changes devices nor commands them.
permit (
  principal in Role::"developer",
  action in [
    Action::"model:read", Action::"model:write",
    Action::"device:read", Action::"telemetry:read", Action::"file:read",
    Action::"attestation:read", Action::"supply:read"
  ],
  resource
);
`

const DEPLOYER = `// Brings devices in and takes them out. Sees no key, and commands nothing.
permit (
  principal in Role::"deployer",
  action in [
    Action::"device:read", Action::"device:write",
    Action::"enrollment:read", Action::"enrollment:write",
    Action::"certificate:read", Action::"authority:read",
    Action::"supply:read", Action::"supply:own",
    Action::"model:read", Action::"attestation:read", Action::"masquerade:read"
  ],
  resource
);
`

const OPERATOR = `// Sees what goes on, and what devices send.
permit (
  principal in Role::"operator",
  action in [
    Action::"hub:read", Action::"device:read", Action::"telemetry:read", Action::"file:read",
    Action::"certificate:read", Action::"attestation:read", Action::"supply:read", Action::"model:read",
    Action::"masquerade:read", Action::"audit:read", Action::"workstation:read", Action::"proposal:read"
  ],
  resource
);

// Commands devices, and holds back those that seem to be somebody else.
permit (
  principal in Role::"operator",
  action in [Action::"device:command", Action::"masquerade:write", Action::"proposal:approve"],
  resource
);
`

const AUDITOR = `// Reads all, whatever there will be to read.
permit (principal in Role::"auditor", action in Action::"any:read", resource);

// Signs reviews. Changes nothing else.
permit (principal in Role::"auditor", action == Action::"audit:review", resource);
`

/** For everybody: nothing is forbidden besides what no role allows. */
const EVERYBODY_TEXT = `// What stands here forbids, for whoever it is and whatever their roles allow. For example:
//
// forbid (principal is Person, action == Action::"device:command", resource in Site::"home/plant-1")
// unless { context.isPresent };
`

export const STARTING_ROLES: Readonly<Record<string, string>> = {
  administrator: ADMINISTRATOR,
  manufacturer: MANUFACTURER,
  developer: DEVELOPER,
  deployer: DEPLOYER,
  operator: OPERATOR,
  auditor: AUDITOR,
  everybody: EVERYBODY_TEXT,
}
