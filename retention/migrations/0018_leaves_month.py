from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0017_campaign_accounts")]

    operations = [
        migrations.AddField(
            model_name="evidenceleaves",
            name="month",
            field=models.CharField(default="", help_text="YYYY-MM of the night: whose key seals them", max_length=7),
            preserve_default=False,
        ),
    ]
