/** Part of the /metrics of a real auth server. */
export const AUTH_METRICS = `# HELP teleport_registered_servers The number of Teleport services that are connected to an auth server.
# TYPE teleport_registered_servers gauge
teleport_registered_servers{automatic_updates="true",os="linux",version="16.4.6"} 84
teleport_registered_servers{automatic_updates="true",os="darwin",version="16.4.6"} 36
teleport_registered_servers{automatic_updates="true",os="linux",version="16.4.3"} 42
teleport_registered_servers{automatic_updates="true",os="darwin",version="16.4.3"} 18
teleport_registered_servers{automatic_updates="true",os="linux",version="16.3.0"} 17
teleport_registered_servers{automatic_updates="true",os="darwin",version="16.3.0"} 8
teleport_registered_servers{automatic_updates="true",os="linux",version="16.1.8"} 7
teleport_registered_servers{automatic_updates="true",os="darwin",version="16.1.8"} 3
teleport_registered_servers{automatic_updates="true",os="linux",version="15.4.9"} 9
teleport_registered_servers{automatic_updates="true",os="darwin",version="15.4.9"} 5
teleport_registered_servers{automatic_updates="true",os="linux",version="15.4.7"} 4
teleport_registered_servers{automatic_updates="true",os="darwin",version="15.4.7"} 2
teleport_registered_servers{automatic_updates="false",os="linux",version="13.3.5"} 1
teleport_registered_servers{automatic_updates="false",os="linux",version="16.4.7"} 3
# HELP teleport_roles_total Number of roles that exist in the cluster
# TYPE teleport_roles_total gauge
teleport_roles_total 12
`;

/** An auth server's metrics with the given number of enrolled agents of each version. */
export const authMetrics = (versions: Record<string, number>): string =>
  Object.entries(versions)
    .map(([version, count]) => `teleport_registered_servers{version="${version}",automatic_updates="true"} ${count}\n`)
    .join('');
