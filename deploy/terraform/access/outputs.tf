output "identity_id" {
  description = "For the machines: assign it to them."
  value       = azurerm_user_assigned_identity.certificates.id

  # Whoever uses it can read the vault.
  depends_on = [
    azurerm_role_assignment.certificates,
    azurerm_private_dns_zone_virtual_network_link.vaults,
    azurerm_private_endpoint.vault,
  ]
}

output "msi_client_id" {
  description = "For the extension's settings."
  value       = azurerm_user_assigned_identity.certificates.client_id
}
