use super::Role;

/// Nobody hands out more than he holds.
pub fn may_appoint(by: Role, role: Role) -> bool {
    match role {
        Role::Owner => by == Role::Owner,
        Role::Admin | Role::Agent => by.may_administer(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_owner_appoints_an_owner_and_an_agent_nobody() {
        assert!(may_appoint(Role::Owner, Role::Owner));
        assert!(may_appoint(Role::Admin, Role::Admin));
        assert!(!may_appoint(Role::Admin, Role::Owner));
        assert!(!may_appoint(Role::Agent, Role::Agent));
    }
}
