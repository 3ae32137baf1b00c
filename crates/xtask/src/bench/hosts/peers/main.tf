variable "port" { type = string }
variable "identity" { type = string }
variable "hosts" { type = map(string) }

resource "terraform_data" "broker" {
  for_each         = var.hosts
  triggers_replace = [var.port]

  connection {
    host        = each.key
    user        = "ubuntu"
    private_key = file(var.identity)
    host_key    = each.value
  }

  provisioner "remote-exec" {
    inline = ["sudo sh -s ${var.port} <<'END'\n${file("${path.module}/work.sh")}\nEND"]
  }
}
