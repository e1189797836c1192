"""What Alertmanager, Grafana, and those that push to an Alertmanager say of their alerts."""
