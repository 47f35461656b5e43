"""Blinded rating studies: design, store, Streamlit app, export."""
