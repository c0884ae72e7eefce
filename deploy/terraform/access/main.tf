# An identity that can read a vault's secrets, and where wanted a private endpoint of the vault.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}
}

locals {
  endpoints = var.private_endpoint == null ? {} : { vault = var.private_endpoint }
}

resource "azurerm_user_assigned_identity" "certificates" {
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
}

resource "azurerm_role_assignment" "certificates" {
  scope                = var.vault_id
  role_definition_name = "Key Vault Secrets User"
  principal_id         = azurerm_user_assigned_identity.certificates.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_private_dns_zone" "vaults" {
  for_each = local.endpoints

  name                = var.private_dns_zone_name
  resource_group_name = var.resource_group_name
}

resource "azurerm_private_dns_zone_virtual_network_link" "vaults" {
  for_each = local.endpoints

  name                  = var.name
  resource_group_name   = var.resource_group_name
  private_dns_zone_name = azurerm_private_dns_zone.vaults[each.key].name
  virtual_network_id    = each.value.virtual_network_id
}

resource "azurerm_private_endpoint" "vault" {
  for_each = local.endpoints

  name                = "${var.name}-vault"
  resource_group_name = var.resource_group_name
  location            = var.location
  subnet_id           = each.value.subnet_id

  private_service_connection {
    name                           = "vault"
    private_connection_resource_id = var.vault_id
    subresource_names              = ["vault"]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.vaults[each.key].id]
  }
}
